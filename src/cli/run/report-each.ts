/**
 * Reports outcomes as they come, and what became of all at the end: also where the run ends in an error
 * that is no outcome, which is thrown then. That stdout has failed is thrown by nobody here: the command
 * says it at its end.
 *
 * @param run The outcomes.
 * @param add Reports one.
 * @param end Reports all.
 * @returns The exit code.
 */
export async function reportEach<Outcome>(
  run: AsyncIterable<Outcome>,
  add: (outcome: Outcome) => Promise<void>,
  end: () => Promise<number>,
): Promise<number> {
  const thrown: unknown[] = [];
  try {
    for await (const outcome of run) await add(outcome);
  } catch (error) {
    thrown.push(error);
  }
  const code = await end();
  if (thrown.length > 0) throw thrown[0];
  return code;
}
