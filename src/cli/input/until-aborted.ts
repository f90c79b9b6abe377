/**
 * The values of a source, which is not waited for any longer once the signal is aborted.
 *
 * @param source What is read. It is ended when the reading ends early.
 * @param signal Ends the reading at once.
 * @throws `signal.reason` where it is aborted.
 */
export async function* untilAborted<Value>(
  source: AsyncIterable<Value>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Value, void> {
  if (signal === undefined) return yield* source;
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  aborted.catch(() => {}); // met in the race, or not at all
  signal.addEventListener("abort", abort, { once: true });
  const iterator = source[Symbol.asyncIterator]();
  let more = true;
  const next = async () => {
    const result = await iterator.next();
    if (result.done === true) more = false;
    return result;
  };
  try {
    for (;;) {
      signal.throwIfAborted();
      const result = await Promise.race([next(), aborted]);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // Not waited for: it ends after the value that may never come.
    if (more) Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
