/** Something that goes wrong on demand. */
export interface Fault {
  /** Only requests with this method. */
  readonly method?: string | undefined;
  /** Only this path (without the base path), a route's template (`/v1/messages/batches/{message_batch_id}`), or a match. */
  readonly path?: string | RegExp | undefined;
  /** How many requests it strikes. 1 by default; without end where `probability` is set. */
  readonly times?: number | undefined;
  /** Chance, from 0 to 1, that it strikes a request it fits. 1 by default. */
  readonly probability?: number | undefined;

  /** Status answered instead of the effect, or instead of the effect's answer with `after`. */
  readonly status?: number | undefined;
  /** `error.type`; the documented one of the status by default. */
  readonly type?: string | undefined;
  /** `error.message`. */
  readonly message?: string | undefined;
  /** `error.details`, such as `{ error_code: "enforced_spend_limit_reached" }`. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** More headers on the answer, such as `retry-after`; also without a `status`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A body instead of the API's error: text as it is, anything else as JSON, `null` for none. */
  readonly body?: unknown;
  /** Whether the effect takes place before the fault does. `false` by default. */
  readonly after?: boolean | undefined;

  /** How long the answer is withheld, ms: before the effect, or after it with `after`. */
  readonly delay?: number | undefined;
  /** The connection is lost, before the effect took place or after it. */
  readonly connection?: "lost_before" | "lost_after" | undefined;
  /** The body breaks off: after so many bytes, or half-way with `true`. */
  readonly truncate?: boolean | number | undefined;
}

/** What a fault is held against. */
export interface FaultTarget {
  readonly method: string;
  readonly path: string;
  readonly template: string | undefined;
}

/** Faults that wait for their requests. */
export interface FaultQueue {
  add(fault: Fault): void;
  /** The first fault that strikes this request; it is used up by that. */
  take(target: FaultTarget): Fault | undefined;
  clear(): void;
}

const DEEDS = ["status", "body", "headers", "delay", "connection", "truncate"] as const;

/**
 * A queue of faults, used up in order: a request is struck by at most one.
 *
 * @param random A number from 0 up to 1, asked for faults with a probability.
 */
export function createFaultQueue(random: () => number): FaultQueue {
  const queue: { fault: Fault; left: number }[] = [];
  return {
    add(fault) {
      if (DEEDS.every((name) => fault[name] === undefined)) {
        throw new TypeError(`Cannot add a fault that does nothing: set one of ${DEEDS.join(", ")}`);
      }
      const times = fault.times ?? (fault.probability === undefined ? 1 : Infinity);
      queue.push({ fault, left: times });
    },
    take(target) {
      const index = queue.findIndex(({ fault, left }) =>
        left > 0 && fits(fault, target) &&
        (fault.probability === undefined || random() < fault.probability)
      );
      const entry = queue[index];
      if (!entry) return undefined;
      if (--entry.left <= 0) queue.splice(index, 1);
      return entry.fault;
    },
    clear() {
      queue.length = 0;
    },
  };
}

function fits({ method, path }: Fault, target: FaultTarget): boolean {
  if (method !== undefined && method.toUpperCase() !== target.method) return false;
  if (path === undefined) return true;
  return typeof path === "string"
    ? path === target.path || path === target.template
    : target.path.search(path) >= 0; // unlike test(), indifferent to the g and y flags' state
}
