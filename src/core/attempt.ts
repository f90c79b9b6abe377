import { type Answer, readAnswer } from "./answer.ts";
import { checkSecret, type Settings } from "./settings.ts";

/** A request as the library thinks of it: without credential, host or defaults. */
export interface ApiRequest {
  /** What it is for, to begin a message with: `delete message batch "msgbatch_1"`. */
  readonly action: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** The path and query after the base URL, encoded. */
  readonly path: string;
  /** The path with the names of its parameters. */
  readonly pathTemplate: string;
  /**
   * The most of the answer that is read, in bytes.
   *
   * @default 1_048_576
   */
  readonly mostBytes?: number | undefined;
}

/** An answer, with what the request that it answers must keep to itself. */
export interface Attempted extends Answer {
  /** Takes the secrets of the request out of a text of the server, which may echo them. */
  readonly redact: (text: string) => string;
}

/** An attempt that got no whole answer. */
export class NoAnswer extends Error {
  readonly code: "ERR_CONNECTION" | "ERR_TIMEOUT";

  constructor(code: "ERR_CONNECTION" | "ERR_TIMEOUT") {
    super(code);
    this.code = code;
  }
}

/**
 * Makes one attempt at a request: asks for the secret, sends, and reads the whole answer, within
 * the timeout.
 *
 * @throws {NoAnswer} The connection failed, or time ran out. What the runtime says of it is dropped:
 *   every runtime says something else, and some quote headers.
 * @throws `signal.reason` where the caller aborted, and what the function of the secret throws.
 */
export async function attempt(
  settings: Settings,
  request: ApiRequest,
  betas: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Attempted> {
  const { name, secret } = settings.credential;
  const credential = checkSecret(typeof secret === "function" ? await secret() : secret, name);
  signal?.throwIfAborted();

  const headers: Record<string, string> = { ...settings.headers };
  if (name === "apiKey") headers["x-api-key"] = credential;
  else headers["authorization"] = `Bearer ${credential}`;
  if (betas.length > 0) headers["anthropic-beta"] = betas.join(",");

  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new NoAnswer("ERR_TIMEOUT")), settings.timeout);
  const onAbort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  // A fetch that pays no attention to its signal ends in time all the same.
  const aborted = new Promise<never>((_, reject) =>
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason))
  );
  try {
    const exchange = async () => {
      const response = await settings.fetch(settings.baseUrl + request.path, {
        method: request.method,
        headers,
        redirect: "manual", // fetch would carry x-api-key to another host
        signal: controller.signal,
      });
      return await readAnswer(response, request.mostBytes ?? 1_048_576);
    };
    const secrets = [credential, ...settings.confidential];
    const redact = (text: string) =>
      secrets.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
    return { ...await Promise.race([exchange(), aborted]), redact };
  } catch {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw new NoAnswer("ERR_CONNECTION");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
