import { ky } from "../deps.ts";
import type { Answer } from "./answer.ts";
import { type ApiRequest, attempt, type NoAnswer } from "./attempt.ts";
import type { CallOptions, RequestEvent } from "./client.ts";
import { APIConnectionError, APITimeoutError } from "./errors.ts";
import type { Permit } from "./ports.ts";
import { redactor } from "./redact.ts";
import { errorOf, idIn, type Reply } from "./response.ts";
import { isOutcomeKnown, retryDelay } from "./retry.ts";
import { checkBetas, type Settings } from "./settings.ts";

/** Tells ky to make another attempt; nothing else is retried. */
class Retry extends Error {
  readonly delay: number;

  constructor(delay: number) {
    super("retry");
    this.delay = delay;
  }
}

/** A request is repeated so often at most because of the pace, whatever that says. */
const mostForPace = 30;

/**
 * Sends a request, and repeats it by the retry policy. It says nothing of what the answer means.
 *
 * ky runs the loop. It sees neither the credential nor an error of the runtime: its own errors hold
 * the request, and it recognises network errors on some runtimes only.
 *
 * @param settings Who calls, and how.
 * @param request What is asked.
 * @param options Options of the call.
 * @param permit Leave for the first attempt, where it was already given.
 * @returns The last answer, whatever its status.
 * @throws {APIConnectionError | APITimeoutError} The last attempt got no whole answer.
 */
export async function send(
  settings: Settings,
  request: ApiRequest,
  options: CallOptions = {},
  permit?: Permit,
): Promise<Reply> {
  const betas = [...new Set([...settings.betas, ...checkBetas(options.betas)])];
  const { clock, maxRetries } = settings;
  const pace = request.foreign ? undefined : settings.pace;
  const { signal } = options;
  signal?.throwIfAborted();

  const credentials: string[] = [];
  const redact = (text: string) => redactor([...credentials, ...settings.confidential])(text);
  let attempts = 0;
  let forPace = 0;
  let outcomeKnown = true;
  let end: Reply | NoAnswer | { readonly thrown: unknown } = { code: "ERR_CONNECTION" };

  const once = async (): Promise<Response> => {
    let startedAt: number;
    let answer: Answer | NoAnswer | undefined;
    try {
      permit ??= await pace?.permit(signal);
      attempts += 1;
      startedAt = clock.now();
      answer = await attempt(settings, request, betas, signal, credentials);
    } catch (error) {
      end = { thrown: error }; // the caller's own
      return new Response();
    } finally {
      if (permit?.(answer) && forPace < mostForPace) forPace += 1;
      permit = undefined;
    }
    const now = clock.now();
    const known = isOutcomeKnown(answer);
    outcomeKnown &&= known;
    const { action, method, pathTemplate } = request;
    const requestId = "code" in answer ? undefined : idIn({ ...answer, redact }, "request-id");
    end = "code" in answer
      ? answer
      : { ...answer, action, attempts, outcomeKnown, receivedAt: now, redact, requestId };
    const again = attempts <= maxRetries + forPace &&
      !("code" in answer && answer.code === "ERR_ABORTED");
    const failure = "code" in answer ? {} : { ...answer, ...errorOf(answer) };
    const delay = again ? retryDelay(failure, attempts, settings, now) : undefined;
    report(settings, {
      method,
      pathTemplate,
      attempt: attempts,
      duration: now - startedAt,
      outcomeKnown: known,
      retryDelay: delay,
      ...("code" in end ? { errorCode: end.code } : { status: end.status, requestId }),
    });
    if (delay !== undefined) throw new Retry(delay);
    return new Response();
  };

  await ky(settings.baseUrl + request.path, {
    method: request.method,
    fetch: once,
    throwHttpErrors: false,
    timeout: false, // every attempt has its own
    retry: {
      limit: maxRetries + (pace ? mostForPace : 0),
      methods: ["get", "post", "delete"],
      delay: () => 0, // waited for below, so that time is a parameter
      shouldRetry: async ({ error }) => {
        if (!(error instanceof Retry)) return false;
        await clock.sleep(error.delay, signal);
        return true;
      },
    },
  });

  if ("thrown" in end) throw end.thrown;
  if (!("code" in end)) return end;
  if (end.code === "ERR_ABORTED") throw signal?.reason;
  const doubt = outcomeKnown || request.method === "GET"
    ? ""
    : "; it may have been done all the same";
  const exchange = { attempts, outcomeKnown };
  throw end.code === "ERR_TIMEOUT"
    ? new APITimeoutError(
      `Cannot ${request.action}: no answer within ${settings.timeout} ms${doubt}`,
      exchange,
      settings.timeout,
    )
    : new APIConnectionError(
      `Cannot ${request.action}: no connection, or it was lost before the answer was whole${doubt}`,
      exchange,
    );
}

/** Tells the observer. What it throws must not change what became of a deletion. */
function report({ onRequest }: Settings, event: RequestEvent): void {
  const told = async () => await onRequest(event);
  told().catch(() => {}); // its own affair
}
