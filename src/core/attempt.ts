import { type Answer, readAnswer } from "./answer.ts";
import { cannotUse } from "./cannot-use.ts";
import { checkSecret, type Settings } from "./settings.ts";
import { unlessAborted } from "./unless-aborted.ts";

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
  /**
   * Where it goes, absolute, where that is not the path after the base URL. ky sees the path only.
   *
   * @default the path after the base URL
   */
  readonly url?: string | undefined;
  /**
   * Whether it goes to somebody else than the API, who gets no header of ours.
   *
   * @default false
   */
  readonly foreign?: boolean | undefined;
  /**
   * Reads the answer in another way than whole, and under the same rules: where it rejects, the
   * connection was lost.
   */
  readonly read?:
    | ((response: Response, patience: Patience) => Promise<Answer | NoAnswer>)
    | undefined;
}

/** How long an attempt waits for the other side, in the hands of what reads its answer. */
export interface Patience {
  /** Aborted once the attempt is over: what comes then is nobody's. */
  readonly signal: AbortSignal;
  /** The wait begins anew: the other side has the whole timeout. */
  begin(): void;
  /** There is nothing to wait for. */
  end(): void;
}

/** How an attempt ended that got no whole answer. */
export interface NoAnswer {
  readonly code: "ERR_CONNECTION" | "ERR_TIMEOUT" | "ERR_ABORTED";
  /** The status, where that much of the answer came. */
  readonly status?: number | undefined;
}

/**
 * Makes one attempt at a request: asks for the secret, sends, and reads the whole answer, within the
 * timeout; or lets the request read it, who then begins the wait anew.
 *
 * What the runtime says of a failure is dropped: every runtime says something else, and some quote
 * headers.
 *
 * @param credentials Is given the credential that is sent.
 * @returns The answer, or how there was none.
 * @throws What the function of the secret throws, and `signal.reason` before anything was sent.
 */
export async function attempt(
  settings: Settings,
  request: ApiRequest,
  betas: readonly string[],
  signal: AbortSignal | undefined,
  credentials: string[],
): Promise<Answer | NoAnswer> {
  signal?.throwIfAborted();
  const { name, secret } = settings.credential;
  const controller = new AbortController();
  let code: NoAnswer["code"] = "ERR_CONNECTION";
  const abort = (why: NoAnswer["code"], reason?: unknown) => {
    code = why;
    controller.abort(reason);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => clearTimeout(timer);
  const begin = () => {
    end();
    timer = setTimeout(() => {
      const why = `its function gave nothing within ${settings.timeout} ms`;
      abort("ERR_TIMEOUT", cannotUse(name, why));
    }, settings.timeout);
  };
  begin();
  const onAbort = () => abort("ERR_ABORTED", signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let status: number | undefined;
  try {
    const headers: Record<string, string> = {};
    if (!request.foreign) {
      Object.assign(headers, settings.headers);
      const given = typeof secret === "function"
        ? await unlessAborted(Promise.resolve(secret()), controller.signal)
        : secret;
      const credential = checkSecret(given, name);
      credentials.push(credential);
      if (name === "apiKey") headers["x-api-key"] = credential;
      else headers["authorization"] = `Bearer ${credential}`;
      if (betas.length > 0) headers["anthropic-beta"] = betas.join(",");
    }

    const { fetch } = settings; // by itself: workerd's does not work as a method
    const { read } = request;
    const exchange = async () => {
      const response = await fetch(request.url ?? settings.baseUrl + request.path, {
        method: request.method,
        headers,
        redirect: "manual", // fetch would carry x-api-key to another host
        signal: controller.signal,
      });
      status = response.status;
      return read
        ? await read(response, { signal: controller.signal, begin, end })
        : await readAnswer(response, request.mostBytes ?? 1_048_576);
    };
    return await unlessAborted(exchange(), controller.signal).catch(() => ({ code, status }));
  } finally {
    end();
    signal?.removeEventListener("abort", onAbort);
  }
}
