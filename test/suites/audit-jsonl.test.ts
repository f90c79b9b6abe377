import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyPurge, planPurge } from "../../src/purge/mod.ts";
import {
  type ByteSource,
  createJsonlAuditTrail,
  readAuditTrail,
  type UnreadableLine,
} from "../../src/audit/mod.ts";
import { createMemoryAppendFile, type MemoryAppendFile } from "../fixtures/memory-append-file.ts";
import { anyEntry } from "../fixtures/any-entry.ts";
import {
  collect,
  entriesOf,
  entryOf,
  inPieces,
  intentOf,
  linesOf,
  outcomeOf,
  textOf,
} from "../fixtures/audit-entries.ts";
import { daysAgo, drain, play } from "../fixtures/batches.ts";
import { rejection } from "../fixtures/stub.ts";

const mostBytes = 1_048_576;
const encode = (text: string) => new TextEncoder().encode(text);

/** What is read, and what is passed over. */
async function read(source: ByteSource | string) {
  const unreadable: UnreadableLine[] = [];
  const bytes = typeof source === "string" ? [encode(source)] : source;
  const onUnreadable = (line: UnreadableLine) => unreadable.push(line);
  return { entries: await collect(readAuditTrail(bytes, { onUnreadable })), unreadable };
}

describe("createJsonlAuditTrail()", () => {
  test("adds each entry as one line, in one piece", async () => {
    const appended: string[] = [];
    const append = (text: string) => {
      appended.push(text);
      return Promise.resolve();
    };
    const trail = createJsonlAuditTrail({ append });
    const entries = [entryOf(1, { actor: "two\nlines\r\u2028" }), entryOf(2)];
    for (const entry of entries) await trail.append(entry);
    expect(appended).toEqual(entries.map((entry) => `${JSON.stringify(entry)}\n`));
    expect(appended.join("").match(/[\r\n]/g)).toHaveLength(2);
  });

  test("resolves when the file says that the line is safe, and not before", async () => {
    let safe = () => {};
    const append = () => new Promise<void>((resolve) => safe = resolve);
    let resolved = false;
    const done = createJsonlAuditTrail({ append }).append(entryOf(1)).then(() => resolved = true);
    await new Promise((resolve) => setTimeout(resolve));
    expect(resolved).toBe(false);
    safe();
    await done;
  });

  test("checks its file before an intent, and adds an outcome all the same", async () => {
    const appended: string[] = [];
    const gone = new Error("the file was removed");
    const trail = createJsonlAuditTrail({
      append: (text) => Promise.resolve(void appended.push(text)),
      check: () => Promise.reject(gone),
    });
    const intent = intentOf("msgbatch_1");
    expect(await rejection(trail.append(intent))).toBe(gone);
    await trail.append(outcomeOf(intent));
    expect(appended).toEqual([expect.stringContaining('"outcome"')]);
  });

  test("rejects with what the file fails with", async () => {
    const full = new Error("disk full");
    const trail = createJsonlAuditTrail({ append: () => Promise.reject(full) });
    expect(await rejection(trail.append(entryOf(1)))).toBe(full);
  });

  test("refuses what could not be read again, and nothing shorter", async () => {
    const file = createMemoryAppendFile();
    const trail = createJsonlAuditTrail(file);
    const rest = linesOf([entryOf(1, { actor: "" })])[0] ?? "";
    const longest = entryOf(1, { actor: "é".repeat((mostBytes - rest.length - 1) >> 1) });
    await trail.append(longest);
    const longer = entryOf(1, { actor: `${longest.actor}é` });
    expect(await rejection(trail.append(longer))).toBeInstanceOf(RangeError);
    await trail.append(entryOf(2));
    expect(await read(file.text)).toEqual({ entries: [longest, entryOf(2)], unreadable: [] });
  });
});

describe("readAuditTrail()", () => {
  test("gives what was recorded, whatever it is and however the bytes come", async () => {
    const entries = fc.array(anyEntry, { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 40 });
    await fc.assert(fc.asyncProperty(entries, sizes, async (given, pieces) => {
      const file = createMemoryAppendFile();
      const trail = createJsonlAuditTrail(file);
      for (const entry of given) await trail.append(entry);
      // JSON has no members that are undefined, and no halves of characters.
      const expected = JSON.parse(JSON.stringify(given));
      expect(await read(inPieces(encode(file.text), pieces))).toEqual({
        entries: expected,
        unreadable: [],
      });
    }));
  });

  const whole = linesOf([entryOf(2)])[0] ?? "";
  const bad: [string, string | Uint8Array, UnreadableLine["reason"]][] = [
    ["a line that was cut off", whole.slice(0, 40), "not_json"],
    ["a piece and a whole line in one", whole.slice(0, 40) + whole, "not_json"],
    ["bytes that are not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "not_text"],
    ["a byte order mark", `\ufeff${whole}`, "not_json"],
    ["zeros", "\0\0\0", "not_json"],
    ["a number", "1", "not_an_entry"],
    ["null", "null", "not_an_entry"],
    ["a list", `[${whole}]`, "not_an_entry"],
    ["another version", whole.replace('"version":1', '"version":2'), "not_an_entry"],
    ["no id", whole.replace('"id"', '"ID"'), "not_an_entry"],
    ["no id of the object", whole.replace('"objectId"', '"object"'), "not_an_entry"],
    ["an outcome without its intent", whole.replace(/"intent":"[^"]*",/, ""), "not_an_entry"],
    ["a settlement that is none", whole.replace(/}$/, ',"settled":false}'), "not_an_entry"],
    ["a time that is none", whole.replace(/"time":"[^"]*"/, '"time":"soon"'), "not_an_entry"],
    ["another phase", whole.replace('"phase":"outcome"', '"phase":"doubt"'), "not_an_entry"],
    ["an outcome that says none", whole.replace('"outcome":"deleted",', ""), "not_an_entry"],
    [
      "an intent with an outcome",
      whole.replace('"phase":"outcome"', '"phase":"intent"'),
      "not_an_entry",
    ],
    ["half an attempt", whole.replace('"attempts":1', '"attempts":0.5'), "not_an_entry"],
    ["an error that is none", whole.replace(/}$/, ',"error":{"code":1}}'), "not_an_entry"],
    ["too long a line", `{"actor":"${"x".repeat(3 * mostBytes)}"}`, "too_long"],
    ["a line of just too many bytes", "x".repeat(mostBytes), "too_long"],
  ];
  test.each(bad)("passes over %s, and says where", async (_, line, reason) => {
    const [first, last] = [textOf(linesOf([entryOf(1)])), textOf(linesOf([entryOf(3)]))];
    const bytes = typeof line === "string" ? encode(line) : line;
    for (const size of [bytes.length, mostBytes + 7, 300_007]) {
      const pieces = [encode(first), ...cut(bytes, size), encode(`\n${last}`)];
      expect(await read(pieces)).toEqual({
        entries: [entryOf(1), entryOf(3)],
        unreadable: [{ line: 2, reason }],
      });
    }
    // At the end of the file, where nothing ends the line.
    expect(await read([encode(first), bytes])).toEqual({
      entries: [entryOf(1)],
      unreadable: [{ line: 2, reason }],
    });
  });

  test("passes over blank lines without a word, and counts them", async () => {
    const text = `\n${textOf(linesOf([entryOf(1)]))}\r\n \t\nx\n${linesOf([entryOf(2)])[0]}\r\n`;
    expect(await read(text)).toEqual({
      entries: [entryOf(1), entryOf(2)],
      unreadable: [{ line: 5, reason: "not_json" }],
    });
    expect(await read("")).toEqual({ entries: [], unreadable: [] });
  });

  test("loses one entry to a cut, at whichever byte, and none that comes later", async () => {
    const text = textOf(linesOf(entriesOf(2)));
    const second = text.indexOf("\n") + 1;
    for (let length = second; length <= text.length; length += 1) {
      const file = createMemoryAppendFile(text.slice(0, length));
      await createJsonlAuditTrail(file).append(entryOf(3));
      const { entries, unreadable } = await read(file.text);
      const survives = length >= text.length - 1;
      expect(entries).toEqual(survives ? entriesOf(3) : [entryOf(1), entryOf(3)]);
      const torn = length > second && !survives;
      expect(unreadable).toEqual(torn ? [{ line: 2, reason: "not_json" }] : []);
    }
  });

  test("never throws at what the bytes are, and gives what stands whole between them", async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.json().map(encode),
      anyEntry.map((entry) => encode(linesOf([entry])[0] ?? "")),
    );
    await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 9 }), async (lines) => {
      const good = entryOf(1, { actor: "good" });
      const between = encode(`\n${textOf(linesOf([good]))}`);
      const { entries } = await read(lines.flatMap((bytes) => [bytes, between]));
      expect(entries.filter(({ actor }) => actor === "good")).toEqual(
        lines.map(() => good),
      );
    }));
  });

  test("leaves out members that are not known", async () => {
    const more = '{"__proto__":{"actor":"x"},"constructor":1,"contents":"secret",';
    const text = (linesOf([entryOf(2)])[0] ?? "").replace("{", more);
    const { entries: [entry] } = await read(text);
    expect(entry).toEqual(entryOf(2));
    expect(Object.keys(entry ?? {})).toEqual(Object.keys(entryOf(2)));
    expect(entry?.actor).toBeUndefined();
  });

  test("reads streams, and ends a source that is left early", async () => {
    const text = textOf(linesOf(entriesOf(3)));
    expect((await read(new Blob([text]).stream())).entries).toEqual(entriesOf(3));
    let canceled = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(encode(text)),
        cancel: () => void (canceled += 1),
      });
    for await (const entry of readAuditTrail(endless())) {
      expect(entry).toEqual(entryOf(1));
      break;
    }
    const iterated = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          await Promise.resolve();
          yield encode(text);
        }
      } finally {
        canceled += 1;
      }
    };
    for await (const _ of readAuditTrail(iterated())) break;
    expect(canceled).toBe(2);
  });

  test("rejects with what the source fails with, and with a TypeError for text", async () => {
    const reason = new Error("The disk is gone");
    const failing = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(reason) });
    expect(await rejection(read(failing))).toBe(reason);
    const text = ["text"] as unknown as Iterable<Uint8Array>;
    expect(await rejection(read(text))).toBeInstanceOf(TypeError);
  });

  test("holds what it got, whatever the source does with its buffer", async () => {
    const bytes = encode(textOf(linesOf(entriesOf(4))));
    const reused = async function* (): AsyncGenerator<Uint8Array> {
      const buffer = new Uint8Array(50);
      for (let at = 0; at < bytes.length; at += 50) {
        await Promise.resolve();
        const piece = bytes.subarray(at, at + 50);
        buffer.fill(0).set(piece);
        yield buffer.subarray(0, piece.length);
      }
    };
    expect((await read(reused())).entries).toEqual(entriesOf(4));
  });
});

describe("applyPurge(), with a JSONL trail of an earlier run,", () => {
  /** A file that breaks in the middle of a line: what a process that dies leaves. */
  const dying = (file: MemoryAppendFile, appends: number, bytes: number): MemoryAppendFile => ({
    ...file,
    append: async (text) => {
      if ((appends -= 1) > 0) return await file.append(text);
      if (appends === 0) await file.append(text.slice(0, bytes));
      throw new Error("The process died");
    },
  });

  test("settles an intent without an outcome, where the trail breaks off in a line", async () => {
    for (const bytes of [0, 1, 40, 200]) {
      const { sandbox, client, deletes } = play();
      const ids = [1, 2, 3].map(() => sandbox.seed({ created_at: daysAgo(9) }).id);
      const plan = await planPurge(client, { filter: "*" });
      const file = createMemoryAppendFile();
      // Two lines of the first deletion; an intent and a piece of an outcome of the second.
      const auditTrail = createJsonlAuditTrail(dying(file, 4, bytes));
      await drain(applyPurge({ ...client, auditTrail }, plan, { concurrency: 1 })).catch(() => {});
      expect(sandbox.size).toBe(1);
      const before = deletes().length;

      const unreadable: UnreadableLine[] = [];
      const history = readAuditTrail(file.read(), {
        onUnreadable: (line) => unreadable.push(line),
      });
      const again = { ...client, auditTrail: createJsonlAuditTrail(file) };
      const { outcomes, summary } = await drain(applyPurge(again, plan, { history }));
      expect(unreadable).toEqual(bytes === 0 ? [] : [{ line: 4, reason: "not_json" }]);
      expect(summary).toMatchObject({ planned: 3, deleted: 3, hasMore: false });
      const evidence = outcomes.map((one) => "evidence" in one && one.evidence);
      expect(evidence.toSorted()).toEqual(["absent_after_retry", "receipt", "receipt"]);
      expect(deletes()).toHaveLength(before + 2);
      expect(outcomes.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());

      // Now all is recorded: a third run asks nothing.
      const third = await drain(
        applyPurge(again, plan, { history: readAuditTrail(file.read()) }),
      );
      expect(third.summary).toMatchObject({ deleted: 3 });
      expect(deletes()).toHaveLength(before + 2);
    }
  });
});

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}
