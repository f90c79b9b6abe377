/**
 * The name that a word is a misspelling of: a third of the name's letters may be wrong, so that its
 * plural counts as one.
 *
 * @param word What was typed.
 * @param names What there is.
 * @returns The closest, where one is close.
 */
export function closest(word: string, names: readonly string[]): string | undefined {
  const typed = word.toLowerCase().replaceAll("_", "-");
  let least = Infinity;
  let found: string | undefined;
  for (const name of names) {
    const most = Math.floor(name.length / 3);
    if (Math.abs(typed.length - name.length) > most) continue;
    const edits = editsBetween(typed, name);
    if (edits > most || edits >= least) continue;
    least = edits;
    found = name;
  }
  return found;
}

/** How many letters have to be put in, taken out or replaced: the Levenshtein distance. */
function editsBetween(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...one].entries()) {
    const line = [row + 1];
    for (const [column, otherLetter] of [...other].entries()) {
      line.push(Math.min(
        (line[column] ?? 0) + 1,
        (above[column + 1] ?? 0) + 1,
        (above[column] ?? 0) + (letter === otherLetter ? 0 : 1),
      ));
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}
