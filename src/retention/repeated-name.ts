/**
 * The first name of a member that its object has twice: what `JSON.parse()` does not tell.
 *
 * @param text JSON that can be parsed.
 */
export function repeatedName(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the names of each object; an array has none
  let last = "";
  // Character by character: engines differ in how long a text a regular expression can match.
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const begin = at;
      for (at += 1; text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
      last = text.slice(begin, at + 1);
    } else if (character === ":") {
      const name = String(JSON.parse(last));
      if (open.at(-1)?.has(name)) return name;
      open.at(-1)?.add(name);
    }
  }
  return undefined;
}
