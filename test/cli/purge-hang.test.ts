import { describe, expect } from "vitest";
import { outcomesIn } from "../fixtures/json-lines.ts";
import { seedBatches } from "../fixtures/seed-batches.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { createStage } from "./runtimes.ts";

const preload = new URL("../fixtures/hang-datasync.mjs", import.meta.url);

describe("batchsweep purge", () => {
  test.for([1, 4])(
    "ends by itself where flush %i of its record hangs, and all after it",
    async (from, { at }) => {
      await using stage = await createStage();
      seedBatches(stage.sandbox, 40);
      const trail = at("audit.jsonl");
      const args = ["purge", "--all", "--yes", "--json", "--audit", trail];
      const env = { NODE_OPTIONS: `--import=${preload.href}`, HANG_FROM: String(from) };
      const limit = ["--request-timeout", "1s"];
      const { code, stdout, stderr } = await stage.run("Node", [...args, ...limit], { env });

      expect(code, stderr).toBe(1);
      expect(outcomesIn(stdout)).toHaveLength(40);
      expect(stderr).toMatch(/^40 message batches: .+ unattempted/m);
      const late = "it takes longer than 1s";
      expect(stderr.split("\n").slice(-2)).toEqual([
        `Cannot close ${trail}: ${late}`,
        "",
      ]);
    },
  );
});
