import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withResourceTable } from "../../scripts/resource-table.ts";

test("the table of what can be deleted is the registry's: npm run docs", () => {
  // Without the spaces that the formatter fills columns with.
  const plain = (text: string) => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");
  const readme = readFileSync("docs/call.md", "utf8");
  expect(plain(readme)).toContain("| `deleteMessageBatch()` |");
  expect(plain(readme)).toBe(plain(withResourceTable(readme)));
});
