/** Sends a request, and repeats it by the retry policy. @module */
import { ky } from "../deps.ts";
import { unlessAborted } from "./abort.ts";
import type { AuditContext } from "./audit.ts";
import { cannotUse } from "./check.ts";
import { type CallOptions, isSecretText, type Permit, type Settings } from "./client.ts";
import {
  answered,
  describeFailure,
  type Failure,
  isCutOff,
  originOf,
  readFailure,
} from "./connection.ts";
import { APIConnectionError, APITimeoutError, type Canceled } from "./errors.ts";
import { type Answer, printable, readAnswer, readErrorBody, type Reply } from "./response.ts";
import { dateOf, headerText, isOutcomeKnown, retryDelay } from "./retry.ts";

/** One call of the library: it may send several requests. */
export interface Call {
  readonly settings: Settings;
  /** Aborts the call, in the middle of an attempt if need be. */
  readonly signal?: AbortSignal | undefined;
  /** Betas of the client and of the call. */
  readonly betas: readonly string[];
  /**
   * A signal that ends waits between attempts, but no attempt: what was sent is seen to its end. It is
   * aborted with `signal`, too.
   */
  readonly waitSignal?: ((facts: CallFacts) => AbortSignal) | undefined;
  /** What asked for the call, for the audit trail. */
  readonly audit: AuditContext;
  /** What the call did so far. It is known however the call ends. */
  readonly facts: CallFacts;
}

/** What a call did so far. */
export interface CallFacts {
  /** How many deletions were sent. */
  deletions: number;
  /** Whether one of them may have deleted the object. */
  mayBeDeleted: boolean;
  /** Whether a look found the object, and no three looks in a row missed it since. */
  wasThere: boolean;
  /** Whether the batch was canceled. */
  canceled: Canceled;
  /** How many times it was looked at, to see whether it has ended. */
  looks: number;
  /** Why the audit trail has no intent, so that nothing was sent. */
  auditTrailFailure?: string | undefined;
  /** Our clock less the `Date` of the newest answer of the API, in milliseconds. */
  clockOffset?: number | undefined;
  /** The workspaces that the API says it answered for: one, unless a key changed in the middle. */
  readonly workspaceIds: Set<string>;
}

/** Begins a call. */
export function createCall(
  settings: Settings,
  { signal, betas = [] }: CallOptions = {},
  waitSignal?: Call["waitSignal"],
  audit: AuditContext = {},
): Call {
  return {
    settings,
    signal,
    betas: [...new Set([...settings.betas, ...betas])],
    waitSignal,
    audit,
    facts: {
      deletions: 0,
      mayBeDeleted: false,
      wasThere: false,
      canceled: false,
      looks: 0,
      workspaceIds: new Set(),
    },
  };
}

/** The signal that ends a wait of a call. */
export function endOfWait({ signal, waitSignal, facts }: Call): AbortSignal | undefined {
  return waitSignal?.(facts) ?? signal;
}

/** The call, to an origin that is not the API's: without credential, headers, betas, pace or facts. */
export function asStranger(call: Call): Call {
  const { settings: { pace: _, ...settings }, signal, waitSignal } = call;
  const credential = { ...settings.credential, secret: undefined };
  const stranger = createCall({ ...settings, credential, headers: {}, betas: [] }, { signal });
  return { ...stranger, waitSignal };
}

/**
 * Waits, in milliseconds.
 *
 * @throws The reason of the signal that ended the wait.
 */
export async function pause(call: Call, duration: number): Promise<void> {
  const end = endOfWait(call);
  end?.throwIfAborted();
  // A clock need not heed a signal.
  await unlessAborted(call.settings.clock.sleep(duration, end), end);
}

/** A request without credential, host or defaults. */
export interface ApiRequest {
  /** A verb for messages: `delete`. */
  readonly operation: string;
  /** What it is about, for messages: `message batch "msgbatch_1"`. */
  readonly subject: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** The path and query after the base URL, encoded; or an absolute URL. */
  readonly path: string;
  /** The path with the names of its parameters. */
  readonly pathTemplate: string;
  /** The most of the answer that is read, in bytes. @default 1_048_576 */
  readonly maxBytes?: number | undefined;
  /** Reads the answer as a stream. */
  readonly read?:
    | ((response: Response, idleTimer: IdleTimer) => Promise<Answer | NoAnswer>)
    | undefined;
}

/** Idle timeout of a streamed answer. */
export interface IdleTimer {
  /** Aborted at the end of the attempt. */
  readonly signal: AbortSignal;
  /** Gives the server the full timeout again. */
  restart(): void;
  /** Suspends the timeout. */
  stop(): void;
}

/** The end of an attempt without a complete answer. */
export interface NoAnswer extends Partial<Failure> {
  readonly code: "ERR_CONNECTION" | "ERR_TIMEOUT" | "ERR_ABORTED";
  /** The status, where that much of the answer came. */
  readonly status?: number | undefined;
}

const mostPaceRepeats = 30; // repetitions that are no retries, because the pace was too high

/**
 * Sends a request, and repeats it by the retry policy. It does not look at what the answer means.
 *
 * ky runs the repetitions, and sees neither the request nor an error of the runtime: its own errors
 * would hold the request, and it recognises network errors on some runtimes only.
 *
 * @param permit Leave for the first attempt, where the pace has given it already.
 * @throws {APIConnectionError | APITimeoutError} The last attempt got no complete answer.
 */
export async function send(call: Call, request: ApiRequest, permit?: Permit): Promise<Reply> {
  const { settings, facts } = call;
  const { clock, maxRetries, timeout, pace } = settings;
  const { operation, subject, method, path, pathTemplate } = request;
  const url = path.startsWith("/") ? settings.baseUrl + path : path;

  const credentials: string[] = [];
  let tries = 0;
  let attempts = 0; // those that may have sent something
  let paceRepeats = 0;
  let outcomeKnown = true;
  let workspaceId: string | undefined;
  let delay: number | undefined;
  const exchange = () => ({ operation, subject, attempts, outcomeKnown, workspaceId });

  const clean = (value: unknown, maxLength: number) =>
    typeof value === "string"
      ? printable(value, maxLength, [...credentials, ...settings.confidential]) || undefined
      : undefined;
  /** Makes an attempt, and sets the delay before the next. */
  const once = async (): Promise<Reply | NoAnswer> => {
    delay = undefined;
    let startedAt: number;
    let answer: Answer | NoAnswer | undefined;
    try {
      permit ??= await pace?.permit(endOfWait(call));
      startedAt = clock.now();
      answer = await attempt(call, request, url, credentials);
    } finally {
      if (permit?.(answer) && paceRepeats < mostPaceRepeats) paceRepeats += 1;
      permit = undefined;
    }
    const receivedAt = clock.now();
    const failure = "code" in answer ? answer : undefined;
    const { status = 0 } = answer;
    const wasSent = failure?.sent !== false;
    const known = !wasSent || method === "GET" || isOutcomeKnown(answer);
    // A success tells what it did once it is validated. A look does nothing.
    const mayHaveActed = !known || (status < 300 && wasSent && method !== "GET");
    tries += 1;
    outcomeKnown &&= !mayHaveActed;
    if (wasSent) {
      attempts += 1;
      if (method === "DELETE") {
        facts.deletions += 1;
        facts.mayBeDeleted ||= mayHaveActed;
      }
      if (method === "POST" && mayHaveActed) facts.canceled = known || "unknown";
    }
    let reply: Reply | undefined;
    if (!("code" in answer)) {
      const { headers } = answer;
      const date = dateOf(headers);
      if (date !== undefined) facts.clockOffset = receivedAt - date;
      workspaceId = clean(headerText(headers, "anthropic-workspace-id"), 128) ?? workspaceId;
      if (workspaceId !== undefined) facts.workspaceIds.add(workspaceId);
      const said = readErrorBody(answer);
      const requestId = clean(headerText(headers, "request-id") ?? said.requestId, 128);
      reply = {
        ...answer,
        exchange: { ...exchange(), status, requestId },
        said,
        receivedAt,
        clean,
      };
    }
    if (!failure?.final && tries <= maxRetries + paceRepeats) {
      delay = retryDelay({ ...reply, ...reply?.said }, tries, settings, receivedAt);
    }
    const event = {
      method,
      pathTemplate,
      attempt: tries,
      status: reply?.status,
      errorCode: failure?.code,
      requestId: reply?.exchange.requestId,
      duration: receivedAt - startedAt,
      outcomeKnown: known,
      retryDelay: delay,
    };
    // What the observer throws must not change what became of a deletion.
    if (settings.onRequest) (async () => await settings.onRequest?.(event))().catch(() => {});
    return reply ?? answer as NoAnswer;
  };

  let last = once();
  await last;
  if (delay !== undefined) {
    await ky(settings.baseUrl, {
      // What it rejects with makes ky repeat.
      fetch: () => delay === undefined ? Promise.resolve(new Response()) : Promise.reject(delay),
      timeout: false, // every attempt has its own
      retry: {
        limit: maxRetries + mostPaceRepeats, // once() counts
        delay: () => 0, // the wait is ours, so that time is a parameter
        shouldRetry: async () => {
          await pause(call, Number(delay));
          last = once();
          await last.catch(() => {}); // ky would wrap some of the caller's own errors
          return true;
        },
      },
    });
  }

  const end = await last;
  if (!("code" in end)) return end;
  if (end.code === "ERR_ABORTED") throw call.signal?.reason;
  const doubt = outcomeKnown ? "" : "; it may have been done";
  if (end.code === "ERR_TIMEOUT") {
    const why = `no answer within ${timeout} ms${doubt}`;
    throw new APITimeoutError({ ...exchange(), why, timeout });
  }
  const { reason = "unknown" } = end;
  const why = describeFailure(reason, url) + doubt;
  throw new APIConnectionError({ ...exchange(), why, reason, sent: attempts > 0 });
}

/**
 * Makes one attempt at a request: asks for the secret, sends, and reads the whole answer, within the
 * timeout. A request that reads the answer as a stream gets the timeout as an idle timer.
 *
 * @param credentials Receives the credential that is sent.
 * @throws What the function of the secret throws, and `signal.reason` before anything was sent.
 */
async function attempt(
  { settings, signal, betas }: Call,
  { method, read, maxBytes }: ApiRequest,
  url: string,
  credentials: string[],
): Promise<Answer | NoAnswer> {
  signal?.throwIfAborted();
  const { fetch, timeout, credential: { name, secret } } = settings; // workerd's is no method
  const controller = new AbortController();
  // What is waited for need not heed the signal.
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (reason: unknown) => {
    controller.abort(reason);
    reject(reason);
  };
  const abort = () => end(signal?.reason);
  let isLate = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(timer);
  const restart = () => {
    stop();
    timer = setTimeout(() => {
      isLate = true;
      end(cannotUse(name, `its function gave no answer within ${timeout} ms`));
    }, timeout);
  };
  restart();
  signal?.addEventListener("abort", abort);
  let response: Response | undefined;
  try {
    const headers: Record<string, string> = { ...settings.headers };
    if (secret !== undefined) {
      const given = typeof secret === "function" ? await Promise.race([secret(), ended]) : secret;
      const credential = isSecretText(given, name);
      credentials.push(credential);
      if (name === "apiKey") headers["x-api-key"] = credential;
      else headers["authorization"] = `Bearer ${credential}`;
    }
    if (betas.length > 0) headers["anthropic-beta"] = betas.join(",");
    const init = { method, headers, redirect: "manual", signal: controller.signal } as const;
    const exchange = async (): Promise<Answer | NoAnswer> => {
      // fetch would carry x-api-key to another host
      const given = await fetch(url, init);
      if (!given?.status || !given.headers?.get) {
        return { code: "ERR_CONNECTION", reason: "not_a_fetch", final: true };
      }
      response = given;
      if (headers["connection"] !== "close") answered.add(originOf(url));
      return read
        ? await read(response, { signal: init.signal, restart, stop })
        : await readAnswer(response, maxBytes);
    };
    return await Promise.race([exchange(), ended]).catch((error): Answer | NoAnswer => {
      const status = response?.status;
      if (isLate) return { code: "ERR_TIMEOUT", status };
      if (signal?.aborted) return { code: "ERR_ABORTED", status, final: true };
      if (response === undefined) return { code: "ERR_CONNECTION", ...readFailure(error, url) };
      if (isCutOff(error)) return { code: "ERR_CONNECTION", status, reason: "reset" };
      return {
        status: response.status,
        headers: response.headers,
        body: { problem: "it cannot be read" },
      };
    });
  } finally {
    stop();
    signal?.removeEventListener("abort", abort);
  }
}
