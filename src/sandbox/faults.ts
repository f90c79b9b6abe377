/**
 * Faults: what goes wrong when a test asks for it.
 *
 * @module
 */
import { type Answer, jsonAnswer, Refusal } from "./answer.ts";
import { cannotUse, check, type Checks } from "./options.ts";

/** Something that goes wrong on demand. */
export interface Fault {
  /** Only requests with this method. */
  readonly method?: string | undefined;
  /** Only this path (without the base path), a route's template (`/v1/messages/batches/{message_batch_id}`), or a match. */
  readonly path?: string | RegExp | undefined;
  /** How many requests it strikes. @default 1; with `probability`, without end */
  readonly times?: number | undefined;
  /** Chance, from 0 to 1, that it strikes a request it fits. @default 1 */
  readonly probability?: number | undefined;

  /** Status answered instead of the effect, or with `after` instead of the effect's answer. */
  readonly status?: number | undefined;
  /** `error.type`. @default the documented one of the status */
  readonly type?: string | undefined;
  /** `error.message`. */
  readonly message?: string | undefined;
  /** `error.details`, such as `{ error_code: "enforced_spend_limit_reached" }`. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** More headers on the answer, such as `retry-after`; also without a `status`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A body instead of the API's error: text as it is, anything else as JSON, `null` for none. */
  readonly body?: unknown;
  /** Whether the effect takes place before the fault does. @default false */
  readonly after?: boolean | undefined;

  /** How long the answer is withheld, ms: before the effect, or after it with `after`. */
  readonly delay?: number | undefined;
  /** The connection is lost, before the effect took place or after it. */
  readonly connection?: "lost_before" | "lost_after" | undefined;
  /** The body breaks off: after so many bytes, or half-way with `true`. */
  readonly truncate?: boolean | number | undefined;
}

const checks: Checks<Fault> = {
  method: ["string"],
  path: ["string | object"],
  times: ["number"],
  probability: ["number"],
  status: ["number"],
  type: ["string"],
  message: ["string"],
  details: ["object"],
  headers: ["object"],
  body: ["unknown"],
  after: ["boolean"],
  delay: ["number"],
  connection: ['"lost_before" | "lost_after"'],
  truncate: ["boolean | number"],
};

const deeds = ["status", "body", "headers", "delay", "connection", "truncate"] as const;

/** Faults that have a name, for the command line. */
const named = new Map<string, Fault>(Object.entries({
  "lost-answer": { method: "DELETE", connection: "lost_after" },
  "lost-request": { method: "DELETE", connection: "lost_before" },
  "cut-answer": { method: "DELETE", truncate: true },
  "not-found": { path: "/v1/messages/batches/{message_batch_id}", status: 404 },
  "rate-limited": { status: 429, headers: { "retry-after": "1" } },
  "server-error": { status: 500 },
  "overloaded": { status: 529 },
}));

/** Reads a fault such as `lost-answer 5%`: its name, and the chance of it. */
function parseFault(text: string): Fault {
  const [, name = "", percent] = /^(\S+)(?: +(\d+(?:\.\d+)?)%)?$/.exec(text.trim()) ?? [];
  const fault = named.get(name);
  if (fault) return { ...fault, ...(percent && { probability: Number(percent) / 100 }) };
  const names = [...named.keys()].join(", ");
  throw cannotUse(
    `fault ${JSON.stringify(text)}`,
    `use one of ${names}, alone or with a chance: 5%`,
  );
}

/** The faults that wait for their requests, in order. */
export interface Faults {
  add(fault: Fault | string): void;
  clear(): void;
  /** Takes the first fault that strikes a request. No other fault does. */
  take(method: string, path: string, template: string | undefined): Fault;
}

/** Creates an empty queue of faults. */
export function createFaults(random: () => number): Faults {
  let queue: { readonly fault: Fault; left: number }[] = [];
  return {
    add(given) {
      const read = typeof given === "string" ? parseFault(given) : given;
      const fault = check(read, checks, "the fault");
      if (deeds.every((name) => fault[name] === undefined)) {
        throw cannotUse("a fault that does nothing", `set one of ${deeds.join(", ")}`);
      }
      const { probability, times = probability === undefined ? 1 : Infinity } = fault;
      queue.push({ fault, left: times });
    },
    clear() {
      queue = [];
    },
    take(method, path, template) {
      const isMeant = (wanted: Fault["path"]) =>
        typeof wanted === "object"
          ? path.search(wanted) >= 0 // unlike test(), it ignores the state of the g and y flags
          : [undefined, path, template].includes(wanted);
      const entry = queue.find(({ fault, left }) =>
        left > 0 && (fault.method?.toUpperCase() ?? method) === method && isMeant(fault.path) &&
        (fault.probability === undefined || random() < fault.probability)
      );
      if (entry && --entry.left <= 0) queue = queue.filter((other) => other !== entry);
      return entry?.fault ?? {};
    },
  };
}

/**
 * Answers a request that a fault strikes. A fault with nothing in it changes nothing.
 *
 * @param perform Does what the request asks for.
 * @returns The answer, without the fault's own headers, and whole.
 * @throws TypeError when the connection is lost, as `fetch` does.
 */
export async function performWithFault(
  fault: Fault,
  requestId: string,
  perform: () => Promise<Answer>,
  wait: (ms: number) => Promise<void>,
): Promise<Answer> {
  const { after = false, connection, delay } = fault;
  const replacement = replacementOf(fault, requestId);
  if (delay !== undefined && !after) await wait(delay);
  if (connection === "lost_before") throw new TypeError("The connection was lost");
  if (replacement && !after && !connection) return replacement;
  const answer = await perform();
  if (delay !== undefined && after) await wait(delay);
  if (connection === "lost_after") throw new TypeError("The connection was lost");
  return replacement ?? answer;
}

/** The answer that a fault has of its own, if it has one. */
function replacementOf(fault: Fault, requestId: string): Answer | undefined {
  const { status, type, message = "An error that the sandbox was asked for.", details } = fault;
  const { body = status === undefined || status >= 400 ? undefined : null } = fault;
  if (body === undefined) {
    const error = status && new Refusal(status, message, { type, details });
    return error ? error.toAnswer(requestId) : undefined;
  }
  if (body === null) return { status: status ?? 200, body };
  if (typeof body !== "string") return jsonAnswer(body, status);
  return { status: status ?? 200, headers: { "content-type": "text/plain;charset=UTF-8" }, body };
}
