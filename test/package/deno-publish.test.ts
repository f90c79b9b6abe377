import { globSync } from "node:fs";
import { expect, test } from "vitest";
import { output } from "./installed.ts";

test("deno publish would publish the library, and nothing else", async () => {
  // What it simulates goes to stderr.
  const command = "deno publish --dry-run --allow-dirty 2>&1";
  const text = await output(process.cwd(), ["sh", "-c", command]);
  expect(text).toContain("Success Dry run complete");
  const files = [...text.matchAll(/^ +file:\/\/(\S+) \(/gm)].map(([, path = ""]) =>
    path.slice(process.cwd().length + 1)
  );
  const source = globSync("src/{core,resources,purge,retention,audit}/**/*.ts");
  expect(files.sort()).toEqual(
    ["LICENSE", "README.md", "deno.json", "mod.ts", "src/deps.ts", "src/version.ts", ...source]
      .sort(),
  );
}, 60_000);
