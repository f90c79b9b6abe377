import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AuditEntry, deleteMessageBatch } from "../../mod.ts";
import {
  createJsonlAuditTrail,
  type UnreadableLine,
  verifyAuditTrail,
  type VerifyAuditTrailOptions,
} from "../../src/audit/mod.ts";
import { runRetention } from "../../src/retention/mod.ts";
import { anyEntry } from "../fixtures/any-entry.ts";
import {
  entriesOf,
  entryOf,
  inPieces,
  intentOf,
  linesOf,
  outcomeOf,
  textOf,
} from "../fixtures/audit-entries.ts";
import { play } from "../fixtures/batches.ts";
import { createMemoryAppendFile } from "../fixtures/memory-append-file.ts";
import { sha256Of } from "../fixtures/results.ts";
import { rejection } from "../fixtures/stub.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const lines = linesOf(entriesOf(6));
const trail = textOf(lines);
const empty = "0:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const verify = (text: string | Uint8Array, options?: VerifyAuditTrailOptions) =>
  verifyAuditTrail([typeof text === "string" ? encode(text) : text], options);
const headOf = async (text: string) => (await verify(text)).head;

describe("verifyAuditTrail() gives the head:", () => {
  test("the number of bytes, and their SHA-256", async () => {
    const text = textOf(linesOf([entryOf(1, { actor: "Zoë" })]));
    const { head } = await verify(text);
    expect(head).toBe(`${encode(text).length}:${await sha256Of(text)}`);
    expect(encode(text).length).toBe(text.length + 1);
    expect(await headOf("")).toBe(empty);
  });

  test("of a stream, whatever the pieces are in which the bytes come", async () => {
    const head = await headOf(trail);
    const bytes = encode(trail);
    const anySizes = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(anySizes, fc.nat(bytes.length), async (sizes, length) => {
        const part = trail.slice(0, length);
        const found = await verifyAuditTrail(inPieces(bytes, sizes), { head: await headOf(part) });
        expect(found).toMatchObject({ head, entries: 6, unchanged: true });
      }),
    );
    expect(await verifyAuditTrail(new Blob([trail]).stream())).toMatchObject({ head, entries: 6 });
  });
});

describe("verifyAuditTrail(), with a remembered head,", () => {
  test("says that nothing was changed, also where more came since", async () => {
    const head = await headOf(trail);
    for (const later of ["", textOf(lines), "torn", "\0".repeat(9)]) {
      expect((await verify(trail + later, { head })).unchanged).toBe(true);
    }
    for (const pieces of [[], [encode("")], [encode(trail)]]) {
      expect((await verifyAuditTrail(pieces, { head: empty })).unchanged).toBe(true);
    }
    expect(await verify(trail)).not.toHaveProperty("unchanged");
  });

  const [first = "", second = "", ...rest] = lines;
  const forged = second.replace("receipt", "missing");
  const changes: [string, string][] = [
    ["a line was changed", textOf([first, forged, ...rest])],
    ["a line was removed", textOf([first, ...rest])],
    ["the first line was removed", textOf([second, ...rest])],
    ["a line was put in", textOf([first, first, second, ...rest])],
    ["lines were swapped", textOf([second, first, ...rest])],
    ["it was cut", textOf([first, second])],
    ["the newline at its end is gone", trail.slice(0, -1)],
    ["a newline was put in", `\n${trail}`],
    ["it was cut, and others came", textOf([first, second, ...lines])],
    ["all of it was removed", ""],
    ["it was made again", textOf(linesOf(entriesOf(20).slice(8)))],
  ];
  test.each(changes)("says where %s", async (_, text) => {
    expect(text).not.toBe(trail);
    const head = await headOf(trail);
    expect(await verify(text, { head })).toMatchObject({
      unchanged: false,
      head: await headOf(text),
    });
  });

  test("notices any change to any byte before it, and none after it", async () => {
    const bytes = encode(trail);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (length, at, difference) => {
          const head = await headOf(trail.slice(0, length));
          const changed = bytes.slice();
          changed[at] = (changed[at] ?? 0) ^ difference;
          expect((await verify(changed, { head })).unchanged).toBe(at >= length);
          expect((await verify(bytes.slice(0, at), { head })).unchanged).toBe(at >= length);
        },
      ),
    );
  });

  test("holds over all that a trail takes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyEntry, { maxLength: 12 }), async (entries) => {
        const file = createMemoryAppendFile();
        const jsonl = createJsonlAuditTrail(file);
        const heads = [empty];
        for (const entry of entries) {
          await jsonl.append(entry);
          heads.push(await headOf(file.text));
        }
        for (const head of heads) {
          const found = await verifyAuditTrail(file.read(), { head });
          expect(found).toMatchObject({ unchanged: true, entries: entries.length, unreadable: 0 });
        }
      }),
      { numRuns: 30 },
    );
  });

  const wrong: [string, unknown][] = [
    ["null", null],
    ["a number", 12],
    ["no hash", "12"],
    ["a hash alone", empty.slice(2)],
    ["capitals", empty.toUpperCase()],
    ["a fraction", empty.replace("0:", "0.5:")],
    ["more digits than a number holds", empty.replace("0:", "9999999999999999:")],
    ["a line break", `${empty}\n`],
  ];
  test.each(wrong)("refuses %s before it reads", async (_, head) => {
    let read = false;
    const source = {
      [Symbol.iterator]: () => {
        read = true;
        return [][Symbol.iterator]();
      },
    };
    const error = await rejection(verifyAuditTrail(source, { head } as VerifyAuditTrailOptions));
    expect(error).toMatchObject({
      name: "TypeError",
      message: "Cannot use head: it is not a number of bytes, a colon and a SHA-256 in hexadecimal",
    });
    expect(read).toBe(false);
  });
});

describe("verifyAuditTrail() says", () => {
  test("which lines are not entries, and why", async () => {
    const unreadable: UnreadableLine[] = [];
    const text = `${textOf(lines.slice(0, 2))}\n{"version":2}\n${textOf(lines.slice(2))}{"ver`;
    const found = await verify(text, { onUnreadable: (line) => unreadable.push(line) });
    expect(found).toMatchObject({ entries: 6, unreadable: 2 });
    expect(unreadable).toEqual([
      { line: 4, reason: "not_an_entry" },
      { line: 9, reason: "not_json" },
    ]);
    expect(await verify(text)).toEqual(found);
  });

  const at = Date.parse("2026-11-22T00:00:00Z");
  const minute = 60_000;
  const one = intentOf("msgbatch_1");
  const other = intentOf("msgbatch_1");
  const table: [string, readonly AuditEntry[], readonly AuditEntry[]][] = [
    ["no intent where each has its outcome", [one, outcomeOf(one)], []],
    ["an intent without an outcome", [one, other, outcomeOf(other)], [one]],
    ["both, where another's outcome came", [one, other, outcomeOf(intentOf("msgbatch_1"))], [
      one,
      other,
    ]],
    ["no intent that was settled", [one, outcomeOf(one, { settled: true })], []],
    ["an intent once that was written twice", [one, one], [one]],
    ["no intent with a doubtful outcome", [
      one,
      outcomeOf(one, {
        outcome: "failed",
        error: { code: "ERR_TIMEOUT", message: "", outcomeKnown: false },
      }),
    ], []],
  ];
  test.each(table)("%s is open", async (_, entries, open) => {
    const text = textOf(linesOf(entries));
    const found = await verify(text, { now: at + 15 * minute });
    expect(found.openIntents).toEqual(open);
    for (const late of [-15, 0, 15]) {
      const now = at + late * minute - Math.sign(late);
      expect((await verify(text, { now })).openIntents).toEqual([]);
    }
    expect((await verify(text, { now: at - 15 * minute })).openIntents).toEqual(open); // a wrong clock
    expect((await verify(text, { now: at, openAfter: 0 })).openIntents).toEqual(open);
  });

  test("which intents are open now, if it is told no time", async () => {
    const young = intentOf("msgbatch_2", { time: new Date().toISOString() });
    const old = intentOf("msgbatch_1", { time: "2026-01-01T00:00:00Z" });
    const text = textOf(linesOf([old, young]));
    expect((await verify(text)).openIntents).toEqual([old]);
  });

  test("what a retention run settles", async () => {
    const file = createMemoryAppendFile();
    const auditTrail = createJsonlAuditTrail(file);
    const { sandbox, client } = play({}, { auditTrail });
    const dying = {
      append: async (entry: AuditEntry) => {
        if (entry.phase === "outcome") throw new Error("The process died");
        await auditTrail.append(entry);
      },
    };
    const { id } = sandbox.seed();
    await deleteMessageBatch({ ...client, auditTrail: dying }, id);
    sandbox.advance(15 * minute);
    const options = { now: sandbox.now() };
    const before = await verifyAuditTrail(file.read(), options);
    expect(before.openIntents).toMatchObject([{ objectId: id }]);
    const { openIntents } = before;
    const policy = { version: 1, rules: [{ type: "keep_last", count: 9 }], holds: [] } as const;
    expect(await runRetention(client, policy, { openIntents })).toMatchObject({ settled: 1 });
    const after = await verifyAuditTrail(file.read(), { ...options, head: before.head });
    expect(after).toMatchObject({ entries: 2, openIntents: [], unchanged: true });
  });
});

describe("verifyAuditTrail() rejects", () => {
  test("with what the source fails with, and with a TypeError for text", async () => {
    const reason = new Error("The disk is gone");
    const failing = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(reason) });
    expect(await rejection(verifyAuditTrail(failing))).toBe(reason);
    for (const source of ["text", ["text"], [entryOf(1)]]) {
      const error = await rejection(verifyAuditTrail(source as unknown as Iterable<Uint8Array>));
      expect(error).toBeInstanceOf(TypeError);
    }
  });

  test("a misspelt option, and a time that is none", async () => {
    for (const options of [{ heads: empty }, { now: NaN }, { openAfter: -1 }, { now: "today" }]) {
      const error = await rejection(verify(trail, options as VerifyAuditTrailOptions));
      expect(String(error)).toMatch(/Cannot use (option "heads"|now|openAfter): /);
    }
  });
});
