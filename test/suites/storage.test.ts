import { describe, expect, test } from "vitest";
import { createStorage, type Database, StorageError } from "../../src/storage/mod.ts";
import { entryOf, intentOf, outcomeOf } from "../fixtures/audit-entries.ts";
import type { AuditEntry } from "../../src/audit/mod.ts";
import { rejection } from "../fixtures/stub.ts";

/** A storage on a database that notes what is written, and fails as it is told. */
function setUp(
  fails: (run: number) => Error | undefined = () => undefined,
  { endless = NaN }: { readonly endless?: number } = {},
) {
  const runs: string[][] = [];
  const waits: number[] = [];
  const database: Database = {
    async run(statements) {
      runs.push(statements.map(({ values }) => String(values[0])));
      await Promise.resolve();
      const error = fails(runs.length);
      if (error !== undefined) throw error;
      return statements.map(() => []);
    },
  };
  const clock = {
    now: () => 0,
    random: () => 0,
    async sleep(duration: number) {
      if (duration > 0) waits.push(duration);
      await new Promise((resolve) => duration === endless || setTimeout(resolve));
    },
  };
  return { storage: createStorage(database, { clock }), runs, waits };
}

const lost = new Error("D1_ERROR: Network connection lost.");

describe("the audit trail of createStorage()", () => {
  test("does not wait for a write that never ends", async () => {
    const database: Database = {
      run: (statements) =>
        statements.some(({ values }) => values[0] === "entry_of_line_1")
          ? new Promise(() => {})
          : Promise.resolve([]),
    };
    const { auditTrail } = createStorage(database);
    const never = auditTrail.append(entryOf(1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await auditTrail.append(entryOf(2));
    expect(never).toBeInstanceOf(Promise);
  });

  test("writes entries together that arrive together", async () => {
    const { storage: { auditTrail }, runs } = setUp();
    const first = [1, 3, 5].map((number) => auditTrail.append(entryOf(number)));
    await first[0];
    await Promise.all([first, [2, 4].map((number) => auditTrail.append(entryOf(number)))].flat());
    await auditTrail.append(entryOf(6));
    expect(runs).toEqual([
      ["entry_of_line_1", "entry_of_line_3", "entry_of_line_5"],
      ["entry_of_line_2", "entry_of_line_4"],
      ["entry_of_line_6"],
    ]);
  });

  test("writes outcomes together whose intents were, and waits a second for the last of them", async () => {
    const { storage: { auditTrail }, runs, waits } = setUp(undefined, { endless: 1_000 });
    const intents = ["msgbatch_1", "msgbatch_2", "msgbatch_3"].map((id) => intentOf(id));
    const outcomes = intents.map((intent) => outcomeOf(intent));
    const ids = (entries: readonly AuditEntry[]) => entries.map(({ id }) => id);
    const append = async (entry: AuditEntry) => {
      await auditTrail.append(entry);
      return runs.length;
    };
    expect(await Promise.all(intents.map(append))).toEqual([1, 1, 1]);
    const early = outcomes.slice(0, 2).map(append);
    await new Promise((resolve) => setTimeout(resolve));
    expect(runs).toHaveLength(1);
    expect(await Promise.all([...early, ...outcomes.slice(2).map(append)])).toEqual([2, 2, 2]);
    expect(runs).toEqual([ids(intents), ids(outcomes)]);
    expect(waits).toEqual([1_000, 1_000]);
  });

  test("writes an outcome after a second if another is late or its intent was not written", async () => {
    const late = intentOf("msgbatch_late");
    const { storage: { auditTrail }, runs, waits } = setUp((run) =>
      run > 1 && run < 6 ? lost : undefined
    );
    await auditTrail.append(late);
    const lostIntent = intentOf("msgbatch_lost");
    expect(await rejection(auditTrail.append(lostIntent))).toBeInstanceOf(StorageError);
    const [one, other] = [intentOf("msgbatch_1"), intentOf("msgbatch_2")];
    await auditTrail.append(one);
    await auditTrail.append(outcomeOf(one));
    expect(waits.splice(0)).toEqual([100, 400, 1_600, 1_000]);
    await auditTrail.append(outcomeOf(late));
    await auditTrail.append(other);
    await auditTrail.append(outcomeOf(other));
    expect(waits).toEqual([]);
    expect(runs).toHaveLength(10);
  });

  test("writes at most 100 entries together", async () => {
    const { storage: { auditTrail }, runs } = setUp();
    await Promise.all(
      Array.from({ length: 250 }, (_, index) => auditTrail.append(entryOf(index + 1))),
    );
    expect(runs.map(({ length }) => length)).toEqual([100, 100, 50]);
  });

  test("tries again three times, with growing pauses, and writes the same each time", async () => {
    const { storage: { auditTrail }, runs, waits } = setUp((run) => run < 4 ? lost : undefined);
    await Promise.all([auditTrail.append(entryOf(1)), auditTrail.append(entryOf(2))]);
    expect(runs).toEqual(Array(4).fill(["entry_of_line_1", "entry_of_line_2"]));
    expect(waits).toEqual([100, 400, 1_600]);
  });

  test("rejects if the database fails for longer, and goes on with what comes after", async () => {
    const { storage: { auditTrail }, runs } = setUp((run) => run < 5 ? lost : undefined);
    const [one, other] = await Promise.all([
      rejection(auditTrail.append(entryOf(1))),
      rejection(auditTrail.append(entryOf(2))),
    ]);
    expect(one).toBeInstanceOf(StorageError);
    expect(one).toMatchObject({ code: "ERR_STORAGE", cause: lost });
    expect(other).toBe(one);
    await auditTrail.append(entryOf(3));
    expect(runs.at(-1)).toEqual(["entry_of_line_3"]);
  });
});

test("createStorage() reads and stores with the same patience", async () => {
  for (const name of ["holds", "runs"] as const) {
    const { storage, waits } = setUp((run) => run < 4 ? lost : undefined);
    await storage[name]();
    expect(waits).toHaveLength(3);
    const broken = setUp(() => lost).storage;
    expect(await rejection(broken[name]())).toBeInstanceOf(StorageError);
  }
});
