import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../fixtures/batches.ts";
import { createStage, jsonLines, names } from "./runtimes.ts";

const count = 200;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "batchsweep-"));
});
afterEach(() => rm(directory, { recursive: true }));

const idIn = (path: string) => path.split("/").at(-1) ?? "";

interface Line {
  readonly id?: string;
  readonly outcome?: string;
  readonly evidence?: string;
}

describe("batchsweep purge", () => {
  test.each(names)("under %s, deletes all through lost answers, 529 and bursts of 429", {
    timeout: 120_000,
  }, async (runtime) => {
    const random = seededRandom(names.indexOf(runtime));
    let requests = 0;
    let effects = 0;
    await using stage = await createStage(async (request, next) => {
      requests += 1;
      if (requests % 150 === 0) {
        // Every so often, the next twelve are turned away.
        stage.sandbox.fail({ status: 429, headers: { "retry-after-ms": "300" }, times: 12 });
      }
      const id = idIn(new URL(request.url).pathname);
      const there = stage.sandbox.batch(id) !== undefined;
      return await next(request).finally(() => {
        if (there && stage.sandbox.batch(id) === undefined) effects += 1;
      });
    }, { random, requestLogSize: 100_000 });
    const { sandbox } = stage;
    sandbox.fail({ method: "DELETE", connection: "lost_after", probability: 0.05 });
    sandbox.fail({ method: "DELETE", status: 529, probability: 0.05 });
    const old = new Date(sandbox.now() - 40 * 86_400_000).toISOString();
    const planned = Array.from({ length: count }, () => sandbox.seed({ created_at: old }).id);
    const kept = Array.from({ length: 50 }, () => sandbox.seed().id);

    const trail = join(directory, "audit.jsonl");
    const args = ["purge", "--older-than", "30d", "--yes", "--json", "--audit", trail];
    const { code, stdout, stderr } = await stage.run(runtime, args, { directory });

    expect(code, stderr).toBe(0);
    expect(planned.filter((id) => sandbox.batch(id) !== undefined)).toEqual([]);
    expect(kept.filter((id) => sandbox.batch(id) === undefined)).toEqual([]);
    const outcomes = (jsonLines(stdout) as Line[]).filter(({ outcome }) => outcome !== undefined);
    expect(outcomes.map(({ id }) => id).sort()).toEqual([...planned].sort());
    const lost = outcomes.filter(({ evidence }) => evidence === "absent_after_retry").length;
    const missing = outcomes.filter(({ outcome }) => outcome === "missing").length;
    // Deno and Bun repeat a DELETE by themselves on a connection that breaks: then it was missing.
    if (runtime === "Node") expect(missing).toBe(0);
    expect(lost + missing).toBeGreaterThan(0);
    expect(outcomes.filter(({ outcome }) => outcome === "deleted").length + missing).toBe(count);

    const deletions = sandbox.requests.filter(({ method }) => method === "DELETE");
    const answered = (status: number) => deletions.filter((one) => one.status === status).length;
    expect(answered(529)).toBeGreaterThan(0);
    expect(answered(429)).toBeGreaterThan(0);
    const known = new Set(planned);
    expect(deletions.filter(({ path }) => !known.has(idIn(path)))).toEqual([]);
    expect(effects).toBe(count);
    const recorded = jsonLines(await readFile(trail, "utf8")) as { readonly phase: string }[];
    expect(recorded.filter(({ phase }) => phase === "intent").length).toBe(count);
    expect(recorded.filter(({ phase }) => phase === "outcome").length).toBe(count);
    console.log(
      `purge-load, ${runtime}: ${count} batches, ${deletions.length} DELETEs, ${answered(529)} ` +
        `times 529, ${answered(429)} times 429, ${lost} absent after retry, ${missing} missing`,
    );
  });
});
