import { globSync, readFileSync } from "node:fs";
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

test("deno doc finds every exported symbol documented, and the types that it mentions", async () => {
  const { exports } = JSON.parse(readFileSync("deno.json", "utf8"));
  const files = Object.values<string>(exports).join(" ");
  const text = await output(process.cwd(), ["sh", "-c", `deno doc --lint ${files} 2>&1 || true`]);
  const complaints = [...text.matchAll(/^error\[(\S+)\]: (.+)\n +--> (\S+):(\d+):(\d+)$/gm)];
  expect(complaints.length).toBeGreaterThan(0);
  const grave = complaints.filter(([, code, what = "", , , column]) =>
    // The names of many members say enough, and some types are those of a constant.
    !(code === "missing-jsdoc" && column !== "1") &&
    !(code === "private-type-ref" && /private type '[a-z]\w*'$/.test(what))
  );
  expect(grave.map(([complaint]) => complaint)).toEqual([]);
});
