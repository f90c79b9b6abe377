/**
 * Why there was no answer: what runtimes say of a failed request, as a closed list of reasons. Their
 * own texts are dropped: every runtime says something else, and some quote headers.
 *
 * @module
 */

/**
 * Why no whole answer came. `"permission"`: the runtime does not allow the connection.
 * `"request_limit"`: the runtime allows no more requests. `"not_a_fetch"`: the `fetch` of the client
 * returned no `Response`.
 */
export type ConnectionFailure =
  | "refused"
  | "host_not_found"
  | "certificate"
  | "reset"
  | "permission"
  | "request_limit"
  | "not_a_fetch"
  | "unknown";

/** What is known of a reason. */
interface Row {
  /** The reason in words. `@` is the host. */
  readonly why: string;
  /** Codes of Node and Bun, and texts of Deno, of workerd, and of the rules of `fetch`. */
  readonly signs?: RegExp;
  /** What it ends before the request is sent. */
  readonly ends?: "call" | "connection";
}

const table: Readonly<Record<ConnectionFailure, Row>> = {
  refused: {
    why: "connection refused by @",
    signs: /^ECONNREFUSED|connect error: .*refused|bad port$|are blocked/,
    ends: "connection",
  },
  host_not_found: {
    why: "host not found: @",
    signs: /^ENOTFOUND|^EAI_AGAIN|: dns error/,
    ends: "connection",
  },
  certificate: {
    why: "certificate of @ not trusted",
    // The codes that begin with ERR_SSL are of a handshake that failed for another reason.
    signs: /^(?!ERR_SSL)\w*(CERT|_LEAF_)\w*$|: invalid peer certificate/,
    ends: "connection",
  },
  reset: {
    why: "connection to @ lost",
    signs: /ECONNRESET|UND_ERR_SOCKET|onnection (reset|closed)|reading a body/,
  },
  permission: { why: "no permission to connect to @", signs: /^NotCapable/, ends: "call" },
  request_limit: {
    why: "the runtime allows no more requests",
    signs: /^Error Too many subrequests/i,
    ends: "call",
  },
  not_a_fetch: { why: "fetch returned no Response" },
  unknown: { why: "no connection to @, or it was lost" },
};

/** What is known of a request that got no answer. */
export interface Failure {
  readonly reason: ConnectionFailure;
  /** Whether something may have been sent. */
  readonly sent: boolean;
  /** Whether a repetition would end in the same way. */
  readonly final: boolean;
}

/** Origins that have answered: a connection to them may be used again. */
export const answered: Set<string> = /* @__PURE__ */ new Set();

/** The origin of a URL that was parsed before. */
export const originOf = (url: string): string => url.split("/", 3).join("/");

/**
 * Reads what `fetch` threw.
 *
 * Deno, Bun and workerd repeat a request unseen when a connection that was used before breaks, and
 * then tell how the repetition failed. So a failed connection means that nothing was sent only where
 * none was used before, or under Node, which has its codes at the cause.
 *
 * @param isCut Whether a part of the answer came.
 */
export function readFailure(error: unknown, url: string, isCut: boolean): Failure {
  const { name, message, code, cause } = Object(error);
  const inner = Object(cause);
  const text = String(inner.code ?? code ?? [name, message, inner.message].map(String).join(" "));
  const reasons = isCut ? ["reset"] as const : Object.keys(table) as ConnectionFailure[];
  const reason = reasons.find((one) => table[one].signs?.test(text)) ?? "unknown";
  const { ends } = table[reason];
  const isRepetition = inner.code === undefined && answered.has(originOf(url));
  const final = ends === "call" || reason === "certificate";
  return { reason, sent: !ends || (ends !== "call" && isRepetition), final };
}

/** A reason in words. */
export function describeFailure(reason: ConnectionFailure, url: string): string {
  return table[reason].why.replace("@", new URL(url).host);
}
