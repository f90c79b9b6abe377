/**
 * Faults: what goes wrong when a test asks for it.
 *
 * @module
 */
import { type Answer, jsonAnswer, Refusal } from "./answer.ts";

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

/** A fault that waits for its requests. */
export interface QueuedFault {
  readonly fault: Fault;
  /** How many requests it will still strike. */
  left: number;
}

const deeds = ["status", "body", "headers", "delay", "connection", "truncate"] as const;

/** Adds a fault to a queue. */
export function addFault(queue: QueuedFault[], fault: Fault): void {
  if (deeds.every((name) => fault[name] === undefined)) {
    throw new TypeError(`Cannot add a fault that does nothing: set one of ${deeds.join(", ")}`);
  }
  const times = fault.times ?? (fault.probability === undefined ? 1 : Infinity);
  queue.push({ fault, left: times });
}

/** The parts of a request by which a fault chooses. */
export interface FaultTarget {
  readonly method: string;
  readonly path: string;
  readonly template: string | undefined;
}

/** Takes the first fault that strikes a request out of the queue. No other fault does. */
export function takeFault(
  queue: QueuedFault[],
  target: FaultTarget,
  random: () => number,
): Fault | undefined {
  const index = queue.findIndex(({ fault, left }) =>
    left > 0 && fits(fault, target) &&
    (fault.probability === undefined || random() < fault.probability)
  );
  const entry = queue[index];
  if (!entry) return undefined;
  if (--entry.left <= 0) queue.splice(index, 1);
  return entry.fault;
}

function fits({ method, path }: Fault, target: FaultTarget): boolean {
  if (method !== undefined && method.toUpperCase() !== target.method) return false;
  if (path === undefined) return true;
  return typeof path === "string"
    ? path === target.path || path === target.template
    : target.path.search(path) >= 0; // unlike test(), it ignores the state of the g and y flags
}

/** The request that a fault strikes. */
export interface FaultyRequest {
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** Does what the request asks for. */
  readonly perform: () => Promise<Answer>;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Answers a request that a fault strikes. A fault with nothing in it changes nothing.
 *
 * @returns The answer, without the fault's own headers, and whole.
 * @throws TypeError when the connection is lost, as `fetch` does.
 */
export async function performWithFault(
  fault: Fault,
  { requestId, signal, perform, sleep }: FaultyRequest,
): Promise<Answer> {
  const { after, connection, delay } = fault;
  const wait = async () => {
    if (delay === undefined) return;
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    await Promise.race([sleep(delay), aborted]);
  };
  const replacement = replacementOf(fault, requestId);

  if (!after) await wait();
  if (connection === "lost_before") throw new TypeError("The connection was lost");
  if (replacement && !after && !connection) return replacement;
  const answer = await perform();
  if (after) await wait();
  if (connection === "lost_after") throw new TypeError("The connection was lost");
  return replacement ?? answer;
}

/** The answer that a fault has of its own, if it has one. */
function replacementOf(fault: Fault, requestId: string): Answer | undefined {
  const { status = 200, body, message = "An error that the sandbox was asked for." } = fault;
  if (fault.status === undefined && body === undefined) return undefined;
  if (body === undefined && status >= 400) {
    const { type, details } = fault;
    return new Refusal(status, message, { type, details }).toAnswer(requestId);
  }
  if (body === undefined || body === null) return { status, body: null };
  return typeof body === "string"
    ? { status, headers: { "content-type": "text/plain;charset=UTF-8" }, body }
    : jsonAnswer(body, status);
}
