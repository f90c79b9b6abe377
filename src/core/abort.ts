/** Waits that an AbortSignal or a time limit can end. @module */

/**
 * Waits for a promise until a signal is aborted, whether or not the promise heeds it.
 *
 * @throws `signal.reason` once the signal is aborted.
 */
export async function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return await promise;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * A signal that is aborted with the first of several, until they are unlinked. Deno never lets go of
 * what `AbortSignal.any()` was given.
 */
export function linkSignals(
  ...signals: readonly (AbortSignal | undefined)[]
): { readonly signal: AbortSignal; unlink(): void } {
  const controller = new AbortController();
  const links = signals.flatMap((signal) => {
    if (signal === undefined) return [];
    const abort = () => controller.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    return () => signal.removeEventListener("abort", abort);
  });
  return { signal: controller.signal, unlink: () => links.forEach((unlink) => unlink()) };
}

/** Whether an error is the reason of a signal that was aborted, and so the caller's own. */
export function isAbort(error: unknown, ...signals: (AbortSignal | undefined)[]): boolean {
  return signals.some((signal) => signal?.aborted && error === signal.reason);
}

/** Waits for a promise, at most so many milliseconds. The timer ends with the wait. */
export async function within<Value>(
  duration: number,
  promise: Promise<Value>,
): Promise<{ readonly value: Value } | "late"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, duration, "late"));
  try {
    return await Promise.race([promise.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}
