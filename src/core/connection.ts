/**
 * Why there was no answer: what runtimes say of a failed request, as a closed list of reasons. Their
 * own texts are dropped: every runtime says something else, and some quote headers.
 *
 * @module
 */

/**
 * Why no whole answer came. `"unreachable"`: there is no way to the host, or it did not answer in time.
 * `"permission"`: the runtime does not allow the connection. `"request_limit"`: the runtime allows no
 * more requests. `"not_a_fetch"`: the `fetch` of the client returned no `Response`.
 */
export type ConnectionFailure =
  | "refused"
  | "host_not_found"
  | "unreachable"
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
  /**
   * Codes of Node and Bun, and texts of Deno, of workerd, and of the rules of `fetch`. Texts may quote
   * the URL, so a sign that is no beginning has a space, which no URL has.
   */
  readonly signs?: RegExp;
  /** What it ends before the request is sent. */
  readonly ends?: "call" | "connection";
}

const table: Readonly<Record<ConnectionFailure, Row>> = {
  refused: {
    why: "connection refused by @",
    signs: /^ECONNREFUSED| \(Connect.* refused|bad port|are blocked/,
    ends: "connection",
  },
  host_not_found: {
    why: "host not found: @",
    signs: /^ENOTFOUND|^EAI_| dns /,
    ends: "connection",
  },
  certificate: {
    why: "certificate of @ not trusted",
    // The codes that begin with ERR_SSL are of a handshake that failed for another reason.
    signs: /^(?!ERR_SSL)\w*(CERT|LEAF|^INVALID_|^UNSPEC)|peer cert/,
    ends: "connection",
  },
  unreachable: {
    why: "@ cannot be reached",
    // Without a system call it is Bun, which has these codes of a connection only.
    signs: /^E\w+ connect$|UNREACH $|^UND_ERR_CONNECT| \(Connect|^ERR_PROXY| Tunneling/,
    ends: "connection",
  },
  permission: {
    why: "no permission to connect to @",
    signs: /^NotCapable/,
    ends: "call",
  },
  request_limit: {
    why: "the runtime allows no more requests",
    signs: /^Error Too many sub/i,
    ends: "call",
  },
  reset: {
    why: "connection to @ lost",
    signs: /^(ECONNRESET|UND_ERR_S)|onnection (reset|closed)/,
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

/** Origins that have answered on a connection that may be used again. */
export const answered: Set<string> = /* @__PURE__ */ new Set();

/** The origin of a URL that was parsed before. */
export const originOf = (url: string): string => url.split("/", 3).join("/");

/**
 * Reads what `fetch` threw.
 *
 * Deno, Bun and workerd repeat a request unseen when a connection that was used before breaks, and
 * then tell how the repetition failed. So a failed connection means that nothing was sent only where
 * none was used before, or under Node, which has its codes at the cause.
 */
export function readFailure(error: unknown, url: string): Failure {
  const text = wordsOf(error);
  const reasons = Object.keys(table) as ConnectionFailure[];
  const reason = reasons.find((one) => table[one].signs?.test(text)) ?? "unknown";
  const { ends } = table[reason];
  const { cause } = Object(error);
  const isRepetition = cause?.code === undefined && answered.has(originOf(url));
  const final = ends === "call" || reason === "certificate";
  return { reason, sent: !ends || (ends !== "call" && isRepetition), final };
}

/**
 * Whether an answer broke off with its connection. If not, what was thrown is about the answer itself:
 * it cannot be decompressed, or a `fetch` gave a body that was read before.
 */
export function isCutOff(error: unknown): boolean {
  return /^(E[A-Z]+ |UND_)|onnection|terminated/.test(wordsOf(error));
}

/** What a runtime says: a code and a system call, or else texts. */
function wordsOf(error: unknown): string {
  try {
    const { name, message, code, cause } = Object(error);
    const { code: inner = code, syscall, errors, message: why, cause: last } = Object(cause);
    return typeof inner === "string"
      ? [inner, errors ? "connect" : syscall].join(" ") // errors: one an address of the host
      : `${name} ${message} ${why} ${last?.message}`;
  } catch {
    return ""; // a custom fetch threw an object that has no readable text
  }
}

/** A reason in words. */
export function describeFailure(reason: ConnectionFailure, url: string): string {
  return table[reason].why.replace("@", new URL(url).host);
}
