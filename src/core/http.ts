import { ky } from "../deps.ts";
import { type ApiRequest, attempt, type Attempted, NoAnswer } from "./attempt.ts";
import type { CallOptions, Client, RequestEvent } from "./client.ts";
import { APIConnectionError, APITimeoutError } from "./errors.ts";
import { errorOf, type Reply, requestIdOf } from "./response.ts";
import { isOutcomeKnown, retryDelay } from "./retry.ts";
import { checkBetas, type Settings, settingsOf } from "./settings.ts";

/** Tells ky to make another attempt; nothing else is retried. */
class Retry extends Error {
  readonly delay: number;

  constructor(delay: number) {
    super("retry");
    this.delay = delay;
  }
}

/**
 * Sends a request, and repeats it by the retry policy. It says nothing of what the answer means.
 *
 * ky runs the loop. It sees neither the credential nor an error of the runtime: its own errors hold
 * the request, and it recognises network errors on some runtimes only.
 *
 * @param client Who calls, and how.
 * @param request What is asked.
 * @param options Options of the call.
 * @returns The last answer, whatever its status.
 * @throws {APIConnectionError | APITimeoutError} The last attempt got no whole answer.
 */
export async function send(
  client: Client,
  request: ApiRequest,
  options: CallOptions = {},
): Promise<Reply> {
  const settings = settingsOf(client);
  const betas = [...new Set([...settings.betas, ...checkBetas(options.betas)])];
  const { clock, maxRetries } = settings;
  const { signal } = options;
  signal?.throwIfAborted();

  let attempts = 0;
  let outcomeKnown = true;
  let end: Reply | NoAnswer | { readonly thrown: unknown } | undefined;

  const once = async (): Promise<Response> => {
    attempts += 1;
    const startedAt = clock.now();
    let answer: Attempted | NoAnswer;
    try {
      answer = await attempt(settings, request, betas, signal);
    } catch (error) {
      if (!(error instanceof NoAnswer)) {
        end = { thrown: error };
        return new Response();
      }
      answer = error;
    }
    const now = clock.now();
    const failure = answer instanceof NoAnswer ? {} : { ...answer, ...errorOf(answer) };
    outcomeKnown &&= isOutcomeKnown(failure);
    const { action, method, pathTemplate } = request;
    end = answer instanceof NoAnswer
      ? answer
      : { ...answer, action, attempts, outcomeKnown, receivedAt: now };
    const delay = attempts > maxRetries ? undefined : retryDelay(failure, attempts, settings, now);
    report(settings, {
      method,
      pathTemplate,
      attempt: attempts,
      duration: now - startedAt,
      outcomeKnown: isOutcomeKnown(failure),
      retryDelay: delay,
      ...(end instanceof NoAnswer
        ? { errorCode: end.code }
        : { status: end.status, requestId: requestIdOf(end) }),
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
      limit: maxRetries,
      methods: ["get", "post", "delete"],
      delay: () => 0, // waited for below, so that time is a parameter
      shouldRetry: async ({ error }) => {
        if (!(error instanceof Retry)) return false;
        await clock.sleep(error.delay, signal);
        return true;
      },
    },
  });

  if (end === undefined) throw new Error("Cannot happen: no attempt was made");
  if ("thrown" in end) throw end.thrown;
  if (!(end instanceof NoAnswer)) return end;
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
  try {
    onRequest(event);
  } catch {
    // Its own affair.
  }
}
