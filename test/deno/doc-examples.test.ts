import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("every example in a doc comment runs, without any permission", async () => {
  const files = [
    "mod.ts",
    ...globSync("src/{resources.ts,{core,purge,retention,audit,sandbox}/**/*.ts}"),
  ];
  const examples = files.flatMap((file) => readFileSync(file, "utf8").match(/\* ```ts\n/g) ?? []);
  expect(examples.length).toBeGreaterThan(3);
  const { stdout } = await promisify(execFile)("deno", ["test", "--doc", "--no-prompt", ...files], {
    env: { ...process.env, NO_COLOR: "1" },
  });
  expect(stdout).toContain(`ok | ${examples.length} passed | 0 failed`);
}, 180_000);
