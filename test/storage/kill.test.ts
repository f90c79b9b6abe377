import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "vitest";
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { seededRandom } from "../fixtures/batches.ts";
import { daysAgoIn } from "../fixtures/seed-batches.ts";
import { apiKey } from "../fixtures/stub.ts";
import { serviceCommand, serviceRuntimes } from "../start/service-command.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const pause = (duration: number) => new Promise((resolve) => setTimeout(resolve, duration));

/** A service in a process, which can be killed. Its runs begin without being asked for. */
interface Victim {
  kill(): Promise<void>;
  /** Runs SQL in its database, as an administrator would. */
  sql(text: string): Promise<readonly Record<string, unknown>[]>;
}

interface Place {
  /** @param later Whether its clock is ahead, so that what was killed before is open. */
  start(variables: Readonly<Record<string, string>>, later?: boolean): Promise<Victim>;
}

/** Starts a process in a group of its own, so that a kill reaches what it has started, too. */
async function startProcess(
  [command = "", ...args]: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<{ readonly url: string; kill(): Promise<void> }> {
  const child: ChildProcess = spawn(command, args, {
    detached: true,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], NO_COLOR: "1", ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const kill = async () => {
    const { pid, exitCode, signalCode } = child;
    if (pid && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
    await ended;
  };
  closing.push(kill);
  let output = "";
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: unknown) => {
      output += chunk;
      const [, origin] = /Listening on (\S+)(?: .*)?\n/.exec(output) ?? [];
      if (origin !== undefined) resolve(origin);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    ended.then(() => reject(new Error(`The process has ended: ${output}`)));
  });
  return { url, kill };
}

/** SQLite, with each runtime in turn. */
function inSqlite(folder: string): Place {
  const path = join(folder, "service.sqlite");
  let starts = 0;
  return {
    async start(variables, later = false) {
      const runtime = serviceRuntimes[starts++ % serviceRuntimes.length] ?? "Node";
      const command = await serviceCommand(runtime, {
        deno: [`--allow-read=${folder}`, `--allow-write=${folder}`],
        ...(later ? { preload: "test/fixtures/twenty-minutes-later.ts" } : {}),
      });
      const { kill } = await startProcess(command, {
        ...variables,
        DATABASE: path,
        PORT: "0",
        RETENTION_SCHEDULE: "* * * * * *",
      });
      const sql = (text: string) => {
        const database = new DatabaseSync(path, { timeout: 5_000 });
        const rows = database.prepare(text).all();
        database.close();
        return Promise.resolve(rows);
      };
      return { kill, sql };
    },
  };
}

/** D1 in workerd. */
function inD1(folder: string): Place {
  const script = [
    "--import",
    "./scripts/npm-specifiers.ts",
    "test/fixtures/d1-retention-process.ts",
  ];
  return {
    async start(variables, later = false) {
      const command = [process.execPath, ...script, folder, JSON.stringify(variables)];
      const { url, kill } = await startProcess(command, {});
      let isKilled = false;
      const run = async () => {
        while (!isKilled) {
          const path = later ? "/run?later" : "/run";
          await fetch(url + path, { method: "POST" }).catch(() => isKilled = true);
          await pause(300);
        }
      };
      void run();
      return {
        kill: async () => {
          isKilled = true;
          await kill();
        },
        sql: async (body) => {
          const response = await fetch(`${url}/sql`, { method: "POST", body });
          if (!response.ok) throw new Error(await response.text());
          return await response.json() as Record<string, unknown>[];
        },
      };
    },
  };
}

const policyOf = (days: number) =>
  JSON.stringify({
    version: 1,
    rules: [{ type: "delete_after", days, since: "ended" }],
    holds: ["msgbatch_held"],
  });

const kills = Number(process.env["KILLS"] ?? 10);
const tightened = Math.round(kills * 0.6);

describe.each([["SQLite", inSqlite], ["D1", inD1]] as const)("a service on %s", (name, place) => {
  test(
    "that is killed again and again deletes each batch once, and none that is held or too young",
    {
      timeout: 300_000,
    },
    async () => {
      const seed = Number(process.env["KILL_SEED"] ?? Date.now() % 1_000_000);
      const random = seededRandom(seed);
      const folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
      closing.push(() => rm(folder, { recursive: true }));

      const sandbox = createSandbox({ apiKeys: [apiKey] });
      const receipts: string[] = [];
      let asked = 0;
      let inFlight = 0;
      let latency = 40;
      const api = await serve(async (request) => {
        if (request.method !== "DELETE") return await sandbox.fetch(request);
        asked += 1;
        inFlight += 1;
        await pause(latency * random());
        const response = await sandbox.fetch(request);
        if (response.status === 200) receipts.push(request.url.split("/").at(-1) ?? "");
        await pause(latency * random());
        inFlight -= 1;
        return response;
      });
      closing.push(() => api.close());
      const seedBatch = (id: string, days: number) => {
        const time = daysAgoIn(sandbox, days);
        return sandbox.seed({ id: `msgbatch_${id}`, created_at: time, ended_at: time }).id;
      };
      /** The age of each batch that may go, in days. */
      const ages = new Map<string, number>();
      for (let index = 0; index < 150 * kills; index += 1) {
        const days = 31 + random() * 60;
        ages.set(seedBatch(`old_${index}`, days), days);
      }
      const mustStay = new Set([seedBatch("held", 99)]);
      for (let index = 0; index < 50; index += 1) mustStay.add(seedBatch(`young_${index}`, 29));
      const alive = () => [...ages.keys()].filter((id) => sandbox.batch(id) !== undefined);

      const { start } = place(folder);
      const variables = {
        ANTHROPIC_API_KEY: apiKey,
        ANTHROPIC_BASE_URL: api.url,
        WEBHOOK_SECRETS: `whsec_${btoa("x".repeat(24))}`,
        RETENTION_REQUESTS: "100000",
      };
      let days = 30;
      const held = new Set<string>();
      let killedInRun = 0;
      for (let round = 0; round < kills; round += 1) {
        if (round === tightened) days = 45; // tightened: younger batches stay from here on
        const victim = await start({ ...variables, RETENTION_POLICY: policyOf(days) });
        await pause(random() * 1_000);
        const free = alive().filter((id) => !held.has(id));
        const hold = free[Math.floor(random() * free.length)];
        if (hold !== undefined) {
          await victim.sql(`INSERT INTO holds (id) VALUES ('${hold}')`);
          held.add(hold); // it counts in the run that follows, at the latest
        }
        await pause(random() * 1_000);
        // Every other process is killed while it deletes, however slowly it starts.
        for (let waits = 0; round % 2 > 0 && inFlight === 0 && waits < 1_000; waits += 1) {
          await pause(5);
        }
        if (inFlight > 0) killedInRun += 1;
        await victim.kill();
        await pause(200); // for deletions that the API has begun
        for (const id of alive()) {
          if (held.has(id) || (round >= tightened - 1 && (ages.get(id) ?? 0) < 44.9)) {
            mustStay.add(id);
          }
        }
      }
      const left = alive().length;

      latency = 0;
      sandbox.advance(1_200_000); // as the clock of the process that follows
      const last = await start({ ...variables, RETENTION_POLICY: policyOf(days) }, true);
      const open = async () =>
        (await last.sql("SELECT count(*) AS open FROM open_intents"))[0]?.["open"];
      const openBefore = await open();
      const due = () =>
        alive().filter((id) => !mustStay.has(id) && (ages.get(id) ?? 0) >= 45).length;
      while (due() > 0 || await open() !== 0) await pause(200);
      await pause(1_500); // another run, which finds nothing
      const entries = (await last.sql("SELECT entry FROM audit_entries ORDER BY seq"))
        .map(({ entry }) => JSON.parse(String(entry)));
      const deleted = new Set(
        entries.filter(({ outcome }) => outcome === "deleted").map(({ objectId }) => objectId),
      );
      console.log(
        `${name}, KILL_SEED=${seed}: ${killedInRun} of ${kills} kills while deletions were in flight, ` +
          `${left} batches left after them, ${openBefore} intents open; ` +
          `${receipts.length} deleted by ${asked} requests, ${mustStay.size} stay`,
      );
      expect(killedInRun).toBeGreaterThan(0);
      expect(left).toBeGreaterThan(mustStay.size); // the kills came before the end
      expect(new Set(receipts).size).toBe(receipts.length);
      for (const id of mustStay) expect(sandbox.batch(id), id).toBeDefined();
      expect(alive().length + receipts.length).toBe(ages.size);
      expect(receipts.filter((id) => !deleted.has(id))).toEqual([]); // each is on record
      expect(await open()).toBe(0);
    },
  );
});
