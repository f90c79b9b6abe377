import { readFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { seededRandom } from "../fixtures/batches.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { outcomesIn } from "../fixtures/json-lines.ts";
import { daysAgoIn, presentIn, seedBatches } from "../fixtures/seed-batches.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { createStage, jsonLines, names } from "./runtimes.ts";

const count = 200;

describe("batchsweep purge", () => {
  test.for(names)("under %s, deletes all through lost answers, 529 and bursts of 429", {
    timeout: 120_000,
  }, async (runtime, { directory, at }) => {
    const random = seededRandom(names.indexOf(runtime));
    let requests = 0;
    let effects = 0;
    await using stage = await createStage(async (request, next) => {
      requests += 1;
      if (requests % 150 === 0) {
        // Every so often, the next twelve are turned away.
        stage.sandbox.fail({ status: 429, headers: { "retry-after-ms": "300" }, times: 12 });
      }
      const id = new URL(request.url).pathname.split("/").at(-1) ?? "";
      const there = stage.sandbox.batch(id) !== undefined;
      return await next(request).finally(() => {
        if (there && stage.sandbox.batch(id) === undefined) effects += 1;
      });
    }, { random, requestLogSize: 100_000 });
    const { sandbox } = stage;
    for (const rest of [{ probability: 0.05 }, {}]) { // once in any case
      sandbox.fail({ method: "DELETE", connection: "lost_after", ...rest });
      sandbox.fail({ method: "DELETE", status: 529, ...rest });
    }
    const planned = seedBatches(sandbox, count, { created_at: daysAgoIn(sandbox, 40) });
    const kept = seedBatches(sandbox, 50);

    const trail = at("audit.jsonl");
    const args = ["purge", "--older-than", "30d", "--yes", "--json", "--audit", trail];
    const patience = ["--max-retries", "9"]; // so that no batch is struck too often, by chance
    const running = stage.run(runtime, [...args, ...patience], { directory });
    const { code, stdout, stderr } = await running;

    expect(code, stderr).toBe(0);
    expect(presentIn(sandbox, planned)).toEqual([]);
    expect(presentIn(sandbox, kept)).toEqual(kept);
    const outcomes = outcomesIn(stdout);
    expect(outcomes.map(({ id }) => id).sort()).toEqual([...planned].sort());
    const lost = outcomes.filter(({ evidence }) => evidence === "absent_after_retry").length;
    const missing = outcomes.filter(({ outcome }) => outcome === "missing").length;
    // Deno and Bun repeat a DELETE by themselves on a connection that breaks: then it was missing.
    if (runtime === "Node") expect(missing).toBe(0);
    expect(lost + missing).toBeGreaterThan(0);
    expect(outcomes.filter(({ outcome }) => outcome === "deleted").length + missing).toBe(count);

    const deletions = deletionsAsked(sandbox);
    const answered = (status: number) => deletionsAsked(sandbox, status).length;
    expect(answered(529)).toBeGreaterThan(0);
    expect(answered(429)).toBeGreaterThan(0);
    const known = new Set(planned);
    expect(deletions.filter((id) => !known.has(id))).toEqual([]);
    expect(effects).toBe(count);
    const recorded = jsonLines<{ readonly phase: string }>(await readFile(trail, "utf8"));
    expect(recorded.filter(({ phase }) => phase === "intent").length).toBe(count);
    expect(recorded.filter(({ phase }) => phase === "outcome").length).toBe(count);
    console.log(
      `purge-load, ${runtime}: ${count} batches, ${deletions.length} DELETEs, ${answered(529)} ` +
        `times 529, ${answered(429)} times 429, ${lost} absent after retry, ${missing} missing`,
    );
  });
});
