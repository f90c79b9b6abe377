import { describe, expect, test } from "vitest";
import { createStorage, type Database, StorageError } from "../../src/storage/mod.ts";
import { entryOf } from "../fixtures/audit-entries.ts";
import { rejection } from "../fixtures/stub.ts";

/** A storage on a database that notes what is written, and fails as it is told. */
function setUp(fails: (run: number) => Error | undefined = () => undefined) {
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
      await new Promise((resolve) => setTimeout(resolve));
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
