import { afterEach, describe, expect, test } from "vitest";
import { openSqlite, type SqliteDatabase } from "../../src/adapters/sqlite.ts";
import { createService, createStorage, type Database } from "../../src/service/mod.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { daysAgo, play, seededRandom } from "../fixtures/batches.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { retentionPolicy } from "../fixtures/retention.ts";

const hour = 3_600_000;
const lost = () => new Error("D1_ERROR: Network connection lost.");
const refused = () => new Error("Too many subrequests by single Worker invocation.");

let database: SqliteDatabase;
afterEach(() => database.close());

/** A service on SQLite whose calls of the database and of the API go through these. */
async function setUp({ onDatabase, onApi, requests = "1000", waits = false }: {
  readonly onDatabase: (run: () => ReturnType<Database["run"]>) => ReturnType<Database["run"]>;
  readonly onApi?: () => void | Promise<void>;
  readonly requests?: string;
  /** Whether the storage waits for real. */
  readonly waits?: boolean;
}) {
  database = openSqlite(":memory:");
  const { sandbox, client, deletes } = play();
  const storage = createStorage(
    { run: (statements) => onDatabase(() => database.run(statements)) },
    waits ? {} : { clock: client.clock },
  );
  const service = createService({
    client: {
      ...client,
      fetch: async (url, init) => {
        await onApi?.();
        return await sandbox.fetch(url, init);
      },
    },
    storage,
    environment: {
      GATEWAY_TOKENS: await gatewayTokens(),
      RETENTION_POLICY: retentionPolicy,
      RETENTION_REQUESTS: requests,
    },
  });
  const plain = createStorage(database);
  return {
    sandbox,
    deletes,
    service,
    health: async () => (await service.fetch(new Request("http://localhost/healthz"))).status,
    open: () => plain.openIntents(0),
    outcomes: async () =>
      (await collect(plain.entries())).filter(({ outcome }) => outcome === "deleted"),
  };
}

describe("a passing error of the database", () => {
  /** How often a run uses the database, with nine deletions in chunks. */
  const places = 24;

  test.each(["before", "after"])(
    "loses no outcome of a run, wherever it comes %s a write",
    async (when) => {
      let used = 0;
      for (let place = 1; place <= places; place += 1) {
        let calls = 0;
        const { sandbox, service, open, outcomes, health, deletes } = await setUp({
          async onDatabase(run) {
            calls += 1;
            if (calls === place && when === "before") throw lost();
            const result = await run();
            if (calls === place) throw lost();
            return result;
          },
        });
        const ids = Array.from(
          { length: 9 },
          (_, index) => sandbox.seed({ created_at: daysAgo(40 + index) }).id,
        );
        await service.scheduled();
        used = Math.max(used, calls);
        expect(sandbox.size, `place ${place}`).toBe(0);
        expect(deletes().toSorted()).toEqual(ids.toSorted());
        expect(
          (await outcomes()).map(({ objectId }) => objectId).toSorted(),
        ).toEqual(ids.toSorted());
        expect(await open()).toEqual([]);
        expect(await health()).toBe(200);
        database.close();
      }
      expect(used).toBeLessThan(places); // so that every place had its error
      database = openSqlite(":memory:");
    },
  );

  test.each([1, 2, 3])("costs a deletion on demand nothing at its use %i", async (place) => {
    for (const when of ["before", "after"]) {
      let calls = 0;
      const { sandbox, service, open, outcomes } = await setUp({
        async onDatabase(run) {
          calls += 1;
          if (calls === place && when === "before") throw lost();
          const result = await run();
          if (calls === place) throw lost();
          return result;
        },
      });
      const { id } = sandbox.seed({ created_at: daysAgo(1) });
      const response = await service.fetch(
        new Request(`http://localhost/v1/messages/batches/${id}`, {
          method: "DELETE",
          headers: { "x-api-key": token },
        }),
      );
      expect(response.status).toBe(200);
      expect(calls).toBe(4);
      expect(await outcomes()).toHaveLength(1);
      expect(await open()).toEqual([]);
      if (when === "before") database.close();
    }
  });
});

test("a platform that refuses the 50th call and all after it delays deletions, and harms none", {
  timeout: 120_000,
}, async () => {
  let calls = 0;
  const count = () => {
    calls += 1;
    if (calls >= 50) throw refused();
  };
  const { sandbox, service, open, outcomes, deletes, health } = await setUp({
    async onDatabase(run) {
      count();
      return await run();
    },
    onApi: count,
  });
  const ids = Array.from(
    { length: 3_000 },
    (_, index) => sandbox.seed({ created_at: daysAgo(31 + index / 100) }).id,
  );
  const young = Array.from({ length: 100 }, () => sandbox.seed({ created_at: daysAgo(1) }).id);
  let [runs, cut] = [0, 0];
  for (; sandbox.size > young.length && runs < 400; runs += 1) {
    calls = 0;
    await service.scheduled().catch(() => {}); // a run that is cut fails
    if (calls >= 50) cut += 1;
    sandbox.advance(hour);
  }
  calls = -1e6;
  await service.scheduled(); // the run that follows
  console.log(`${runs} runs deleted ${ids.length} batches; ${cut} of them were refused a call`);
  expect(cut).toBeGreaterThan(20);
  expect(deletes().toSorted()).toEqual(ids.toSorted());
  for (const id of young) expect(sandbox.batch(id)).toBeDefined();
  expect(await open()).toEqual([]);
  expect((await outcomes()).length).toBe(ids.length);
  expect(await health()).toBe(200);
});

test("a run of 1,000 requests ends well where 50 are allowed, and 50 uses of the database", async () => {
  let requests = 0;
  let uses = 0;
  const random = seededRandom(1);
  const { sandbox, service, open, outcomes, health } = await setUp({
    waits: true,
    async onDatabase(run) {
      uses += 1;
      if (uses > 50) throw new Error("Too many API requests by single Worker invocation.");
      return await run();
    },
    async onApi() {
      requests += 1;
      if (requests > 50) throw refused();
      await new Promise((resolve) => setTimeout(resolve, random() * 10));
    },
  });
  for (let days = 31; days < 131; days += 1) sandbox.seed({ created_at: daysAgo(days) });
  for (let runs = 1; runs <= 3; runs += 1) {
    [requests, uses] = [0, 0];
    await service.scheduled(); // it would reject if it failed
    expect(await outcomes()).toHaveLength(Math.min(100, 49 * runs));
    expect(await open()).toEqual([]);
    expect(uses).toBeLessThanOrEqual(30);
    expect(await health()).toBe(200);
    sandbox.advance(hour);
  }
  expect(sandbox.size).toBe(0);
});
