// deno-lint-ignore no-control-regex -- what terminals are told begins with one
export const withoutColours = (text: string): string => text.replace(/\u001b\[\d+m/g, "");

/** What a terminal shows in the end, line by line: a line that is erased is begun anew. */
export function lastScreen(text: string): string[] {
  return withoutColours(text).split("\n").map((line) => line.split("\r\u001b[2K").at(-1) ?? "");
}
