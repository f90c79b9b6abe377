import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("runRetention() over 50,000 batches fits into a heap of 128 MB", {
  timeout: 60_000,
}, async () => {
  // The new space is three times a semi-space: 80 + 3 * 16.
  const heap = ["--max-old-space-size=80", "--max-semi-space-size=16"];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...heap,
    ...["--import", "./scripts/npm-specifiers.ts", "test/retention/memory-process.ts"],
  ], { cwd: new URL("../..", import.meta.url) });
  const run: unknown = JSON.parse(stdout);
  expect(run).toMatchObject({
    listed: 50_000,
    due: 40_000,
    deleted: 1_000,
    requests: 1_050,
    hasMore: true,
  });
  expect(run).not.toHaveProperty("error");
});
