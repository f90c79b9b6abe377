/**
 * Finds the name that a misspelt word stands for. Up to a third of the name's letters may be wrong, so
 * that a plural counts as a misspelling. Capitals, hyphens and underscores do not matter.
 *
 * @param word The word as it was typed.
 * @param names The names to choose from.
 * @returns The nearest name, or `undefined` if none is near.
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const typed = plain(word);
  let least = Infinity;
  let found: string | undefined;
  for (const name of names) {
    const most = Math.floor(name.length / 3);
    const letters = plain(name);
    if (Math.abs(typed.length - letters.length) > most) continue;
    const edits = editsBetween(typed, letters);
    if (edits > most || edits >= least) continue;
    least = edits;
    found = name;
  }
  return found;
}

/** The end of a message about an unknown name: the nearest name, or all names if none is near. */
export function suggest(word: string, names: readonly string[]): string {
  const name = nearest(word, names);
  return name === undefined ? `; there are ${names.join(", ")}` : `: did you mean "${name}"?`;
}

const plain = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, "");

/** The Levenshtein distance: how many letters have to be added, removed or replaced. */
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
