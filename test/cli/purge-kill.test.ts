import { readFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { parsePurgePlan } from "../../src/purge/mod.ts";
import { day, seededRandom } from "../fixtures/batches.ts";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { outcomesIn } from "../fixtures/json-lines.ts";
import { daysAgoIn, presentIn, seedBatches } from "../fixtures/seed-batches.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { createGate, createStage, names, type Stage } from "./runtimes.ts";

const kills = Number(process.env["KILLS"] ?? 12);
const ended = 18 * kills;
const unended = 12;
const outside = 60;

describe("batchsweep purge", () => {
  test(`killed at ${kills} random moments, deletes every batch of its plan once, and no other`, {
    timeout: 180_000,
  }, async ({ directory, at }) => {
    const seed = Number(process.env["KILL_SEED"] ?? Date.now() % 1_000_000);
    console.log(`purge-kill: KILL_SEED=${seed}`);
    const random = seededRandom(seed);

    let deletions = 0;
    let reached = () => {};
    // A process that is not killed yet deletes no more than its share, however fast it is.
    let round = { most: 0, gate: createGate() };
    await using stage = await createStage(async (request, next) => {
      const { most, gate } = round;
      if (request.method === "DELETE") {
        if (deletions >= most) {
          await gate.passed;
          return new Response(null, { status: 503 });
        }
        deletions += 1;
        reached();
      }
      await new Promise((resolve) => setTimeout(resolve, random() * 8));
      const response = await next(request);
      // Killed here, it has been deleted and nobody was told.
      await new Promise((resolve) => setTimeout(resolve, random() * 8));
      return response;
    }, { cancelingTime: 300, processingTime: day, requestLogSize: 100_000 });
    const { sandbox } = stage;
    const kept = seedBatches(sandbox, outside, { created_at: daysAgoIn(sandbox, 1) });
    const planned = [
      ...seedBatches(sandbox, ended, { created_at: daysAgoIn(sandbox, 40) }),
      ...seedBatches(sandbox, unended, { processing_status: "in_progress" }),
    ];

    const [plan, trail] = [at("plan.json"), at("audit.jsonl")];
    const files = { ids: planned.join("\n"), plan, trail };
    const planning = await stage.run("Node", ["purge", "--cancel", "--plan-out", plan], {
      stdin: files.ids,
    });
    expect(planning.code, planning.stderr).toBe(0);
    const before = parsePurgePlan(JSON.parse(await readFile(plan, "utf8")));
    expect(new Set(before.items.filter(({ action }) => action !== "keep").map(({ id }) => id)))
      .toEqual(new Set(planned));
    expect(deletions).toBe(0);

    const args = ["purge", "--plan", plan, "--audit", trail, "--yes", "--json"];
    const moments: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const runtime = names[kill % names.length] ?? "Node";
      // A fifth of them while it starts, reads its files or has just begun.
      const early = random() < 0.2;
      const share = Math.floor((planned.length - deletions) / (kills - kill + 1));
      const count = deletions + 1 + Math.floor(random() * share);
      const gate = createGate();
      round = { most: deletions + share, gate };
      const running = stage.start(runtime, args, { directory });
      const moment = early
        ? new Promise<void>((resolve) => setTimeout(resolve, random() * 1_000))
        : new Promise<void>((resolve) => {
          reached = () => void (deletions >= count && resolve());
        });
      const done = running.ended.then(() => true, () => true);
      if (await Promise.race([moment.then(() => false), done])) break;
      if (!early) await new Promise((resolve) => setTimeout(resolve, random() * 20));
      running.child.kill("SIGKILL");
      await done;
      gate.open();
      moments.push(`${runtime} after ${deletions}`);
    }
    console.log(`purge-kill: killed ${moments.join(", ")}`);
    round = { most: Infinity, gate: createGate() };
    const last = await stage.run("Node", args, { directory });

    expect(last.code, last.stderr).toBe(0);
    expectEach(stage, planned, kept);
    const outcomes = outcomesIn(last.stdout);
    expect(outcomes.map(({ id }) => id).sort()).toEqual([...planned].sort());
    // Each was deleted by one of these processes, and the record shows it.
    expect(outcomes.filter(({ outcome }) => outcome !== "deleted")).toEqual([]);
    expect(moments.length).toBe(kills);
  });
});

/** What was planned is gone by one deletion each; nothing else was touched. */
function expectEach({ sandbox }: Stage, planned: readonly string[], kept: readonly string[]): void {
  expect(presentIn(sandbox, planned)).toEqual([]);
  expect(presentIn(sandbox, kept)).toEqual(kept);
  expect(deletionsAsked(sandbox, 200).sort()).toEqual([...planned].sort());
  const known = new Set(planned);
  expect(deletionsAsked(sandbox).filter((id) => !known.has(id))).toEqual([]);
}
