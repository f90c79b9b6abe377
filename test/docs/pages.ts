/**
 * The documentation, as data: the README and the pages of docs/.
 *
 * @module
 */
import { globSync, readFileSync } from "node:fs";

/** A block of code on a page. */
export interface Block {
  readonly language: string;
  readonly code: string;
}

/** Every page by its path, with its text. */
export const pages: ReadonlyMap<string, string> = new Map(
  ["README.md", ...globSync("docs/*.md").sort()].map((path) => [path, readFileSync(path, "utf8")]),
);

/** The blocks of code on a page, in order. */
export function blocksOf(path: string): readonly Block[] {
  const blocks = (pages.get(path) ?? "").matchAll(/^```(\w*)\n([^]*?)^```$/gm);
  return [...blocks].map(([, language = "", code = ""]) => ({ language, code }));
}
