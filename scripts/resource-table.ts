/**
 * `npm run docs`: writes the documentation's table of what can be deleted, from the registry.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type DeletableResource, messageBatch } from "../src/core/delete.ts";
import { resourceKinds } from "../src/resources.ts";

const begin = "<!-- made by npm run docs -->\n";
const end = "<!-- end -->\n";

/** The function that deletes objects of a kind. */
const functionOf = ({ name }: DeletableResource) =>
  `delete${name.split("_").map((word) => word[0]?.toUpperCase() + word.slice(1)).join("")}`;

/** The page with its table as the table of kinds has it. */
export function withResourceTable(page: string): string {
  const kinds: readonly (readonly [string, DeletableResource])[] = [
    ["deleteMessageBatch", messageBatch],
    ...resourceKinds.map((kind) => [functionOf(kind), kind] as const),
  ];
  const rows = kinds.map(([call, { name, path, administrative, betas = [] }]) => {
    const needs = [
      ...(administrative ? ["an administrator's key"] : []),
      ...betas.slice(0, 1).map((beta) => `beta \`${beta}\`, sent automatically`),
    ];
    return `| \`${call}()\` | \`DELETE ${path}\` | \`${name}_deleted\` | ${needs.join(", ")} |\n`;
  });
  const head = "\n| function | request | receipt | needs |\n| --- | --- | --- | --- |\n";
  const [before = "", rest = ""] = page.split(begin);
  const [, after = ""] = rest.split(end);
  return `${before}${begin}${head}${rows.join("")}\n${end}${after}`;
}

if (import.meta.main) {
  writeFileSync("docs/call.md", withResourceTable(readFileSync("docs/call.md", "utf8")));
}
