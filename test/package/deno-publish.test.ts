import { globSync } from "node:fs";
import { expect, test } from "vitest";
import { output } from "./installed.ts";

test("deno publish would publish the source of every entry point", async () => {
  // What it simulates goes to stderr.
  const command = "deno publish --dry-run --allow-dirty 2>&1";
  const text = await output(process.cwd(), ["sh", "-c", command]);
  expect(text).toContain("Success Dry run complete");
  const files = [...text.matchAll(/^ +file:\/\/(\S+) \(/gm)].map(([, path = ""]) =>
    path.slice(process.cwd().length + 1)
  );
  const source = globSync("src/**/*.ts")
    .filter((file) => !/^src\/adapters\/(cloudflare\/|\w+-service)/.test(file));
  expect(files.filter((file) => !file.startsWith("src/adapters/tsconfig")).sort()).toEqual(
    ["LICENSE", "README.md", "deno.json", "mod.ts", ...source].sort(),
  );
}, 180_000);
