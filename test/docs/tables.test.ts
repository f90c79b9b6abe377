import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withResourceTable } from "../../scripts/resource-table.ts";
import { variableNames } from "../../src/config/mod.ts";
import { resourceKinds } from "../../src/resources.ts";
import { pages } from "./pages.ts";

const page = (path: string) => pages.get(path) ?? "";

test("the README fits on three screens", () => {
  expect(page("README.md").split("\n").length).toBeLessThanOrEqual(151);
});

test("the table of what can be deleted is the registry's: npm run docs", () => {
  // Without the spaces that the formatter fills columns with.
  const plain = (text: string) => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");
  expect(plain(page("docs/call.md"))).toContain("| `deleteMessageBatch()` |");
  expect(plain(page("docs/call.md"))).toBe(plain(withResourceTable(page("docs/call.md"))));
});

test("every route of the API that deletes is in the table, or is administration", () => {
  const files = globSync("node_modules/@anthropic-ai/sdk/resources/**/*.mjs");
  const shape = (path: string) => path.replace(/\$?\{[^}]+\}/g, "{}");
  const calls = files.flatMap((file) =>
    Array.from(
      readFileSync(file, "utf8").matchAll(/_client\.delete\(path `([^`?]+)/g),
      ([, path = ""]) => shape(path),
    )
  );
  const routes = new Set(calls);
  const kinds = ["/v1/messages/batches/{}", ...resourceKinds.map(({ path }) => shape(path))];
  for (const path of kinds) expect(routes.delete(path), path).toBe(true);
  expect([...routes].filter((path) => !path.startsWith("/v1/organizations/"))).toEqual([]);
  expect([kinds.length, routes.size]).toEqual([15, 16]);
});

/** The names that no row of a table on a page has. */
function missing(path: string, names: Iterable<string>): readonly string[] {
  const rows = page(path).match(/^\|.*\|$/gm)?.join("\n") ?? "";
  return [...names].filter((name) => !rows.includes(`\`${name}\``));
}

test("every variable of the service has a row in the table of variables", () => {
  expect(missing("docs/configuration.md", variableNames)).toEqual([]);
});

test("every option of a client has a row in the table of options", () => {
  const source = readFileSync("src/core/client.ts", "utf8");
  const [, members = ""] = /^export interface Client \{([^]+?)^\}/m.exec(source) ?? [];
  const names = Array.from(members.matchAll(/^ {2}readonly (\w+)\?:/gm), ([, name = ""]) => name);
  expect(names).toContain("apiKey");
  expect(missing("docs/configuration.md", names)).toEqual([]);
});

test("every error code has a row in the table of errors", () => {
  const codes = readFileSync("src/core/errors.ts", "utf8").match(/\bERR_\w+/g) ?? [];
  expect(codes).toContain("ERR_API");
  expect(missing("docs/errors.md", codes)).toEqual([]);
});

test("every function, and every option of the command, that a page names is there", () => {
  const all = [
    ...pages.values(),
    ...globSync(".github/*.md").map((file) => readFileSync(file, "utf8")),
  ];
  const text = all.join("\n").replace(/^```[^]*?^```$/gm, "");
  const source = globSync("{src,scripts}/**/*.ts").map((file) => readFileSync(file, "utf8")).join();
  const named = (pattern: RegExp) => Array.from(text.matchAll(pattern), ([, name = ""]) => name);
  const functions = named(/`(\w+)\(\)`/g).filter((name) => !RegExp(`\\b${name}\\b`).test(source));
  const foreign =
    /^--(allow-(net|env|read|write|import)|no-env|node-modules|stop-|max-(old|semi)|remote|local)/;
  const options = named(/`(--[a-z-]+)/g)
    .filter((name) => !foreign.test(name) && !source.includes(`"${name}`));
  expect([functions, options]).toEqual([[], []]);
});

test("every link between pages leads to a file, and to a heading of it", () => {
  const anchor = (heading: string) =>
    heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-");
  const broken = [...pages].flatMap(([path, text]) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link)
      .filter((link) => !/^[a-z]+:/.test(link) && !leads(path, link)).map((link) =>
        `${path}: ${link}`
      )
  );
  function leads(from: string, link: string): boolean {
    const { pathname, hash } = new URL(link, `file:///${from}`);
    const file = pathname.slice(1);
    if (globSync(file).length === 0) return false;
    const headings = hash === "" ? [] : [...readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)];
    return hash === "" || headings.some(([, heading = ""]) => `#${anchor(heading)}` === hash);
  }
  expect(broken).toEqual([]);
});
