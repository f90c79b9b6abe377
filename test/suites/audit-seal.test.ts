import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AuditEntry, AuditTrailError } from "../../mod.ts";
import {
  type AuditLines,
  type AuditSource,
  createJsonlAuditTrail,
  readAuditTrail,
  sealAuditTrail,
  verifyAuditTrail,
} from "../../src/audit/mod.ts";
import { createMemoryAppendFile } from "../fixtures/memory-append-file.ts";
import { createMemoryAuditTrail } from "../fixtures/memory-audit-trail.ts";
import { anyEntry } from "../fixtures/any-entry.ts";
import {
  collect,
  entriesOf,
  entryOf,
  inPieces,
  linesOf,
  sourceOf,
  textOf,
} from "../fixtures/audit-entries.ts";
import { seededRandom } from "../fixtures/batches.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { rejection } from "../fixtures/stub.ts";
import { sealedLines, tamperings } from "../fixtures/tampering.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const hexOf = async (text: string) => {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

/** A trail in each of its forms, made of lines. */
const forms: readonly (readonly [string, (lines: readonly string[]) => AuditLines])[] = [
  ["entries in memory", (lines) => lines.map((line): AuditEntry => JSON.parse(line))],
  ["JSON lines", (lines) => [encode(textOf(lines))]],
  ["a stream of JSON lines", (lines) => new Blob([textOf(lines)]).stream()],
];
type Form = (typeof forms)[number][1];

async function sealsOf(lines: readonly string[], form: Form) {
  const seals = createMemoryAppendFile();
  const { head } = await sealAuditTrail(
    { lines: () => form(lines), seals: () => seals.read() },
    seals,
  );
  return { head, seals: seals.text.split("\n").slice(0, -1) };
}

describe.each(forms)("of %s, verifyAuditTrail()", (_, form) => {
  const lines = linesOf(entriesOf(sealedLines));
  const verify = (given: readonly string[], seals: readonly string[], head?: string) =>
    verifyAuditTrail({ lines: () => form(given), seals: () => [encode(textOf(seals))] }, { head });

  test("finds nothing where nothing was done", async () => {
    const { seals, head } = await sealsOf(lines, form);
    const nothing = { sealed: sealedLines, unsealed: 0, head };
    expect(await verify(lines, seals)).toEqual(nothing);
    expect(await verify(lines, seals, head)).toEqual(nothing);
    expect(await verify([...lines, ...linesOf([entryOf(7), entryOf(8)])], seals, head)).toEqual({
      ...nothing,
      unsealed: 2,
    });
  });

  test.each(tamperings)("finds that $name", async ({ tamper, finds, byHead }) => {
    const { seals, head } = await sealsOf(lines, form);
    const done = await tamper(
      { lines, seals },
      async (given) => (await sealsOf(given, form)).seals,
    );
    const record = { lines, seals, ...done };
    const { why, ...problem } = (await verify(record.lines, record.seals, head)).problem ??
      { why: "" };
    expect(problem).toEqual(finds);
    expect(why).toContain(`line ${finds.line} `);
    const alone = await verify(record.lines, record.seals);
    expect(alone.problem?.line).toBe(byHead ? undefined : finds.line);
  });
});

describe("sealAuditTrail()", () => {
  test("seals by SHA-256, as is documented", async () => {
    const lines = linesOf(entriesOf(3));
    const { head, seals } = await sealsOf(lines, (given) => [encode(textOf(given))]);
    let hash = await hexOf("batchsweep audit trail 1\n");
    for (const [index, line] of lines.entries()) {
      hash = await hexOf(hash + await hexOf(`${line}\n`));
      expect(seals[index]).toBe(`{"version":1,"line":${index + 1},"hash":"${hash}"}`);
    }
    expect(head).toBe(`3:${hash}`);
    const empty = await sealAuditTrail(sourceOf([], ""), createMemoryAppendFile());
    expect(empty).toEqual({
      added: 0,
      sealed: 0,
      head: `0:${await hexOf("batchsweep audit trail 1\n")}`,
    });
  });

  test("seals what is not sealed yet, and nothing twice", async () => {
    const trail = createMemoryAuditTrail();
    const seals = createMemoryAppendFile();
    const source = { lines: () => trail.entries, seals: () => seals.read() };
    const heads = new Set<string>();
    for (const [count, added] of [[2, 2], [2, 0], [5, 3]] as const) {
      for (const entry of entriesOf(count).slice(trail.entries.length)) await trail.append(entry);
      const sealing = await sealAuditTrail(source, seals);
      expect(sealing).toMatchObject({ added, sealed: count });
      heads.add(sealing.head);
      expect(seals.text.match(/\n/g)).toHaveLength(count);
      expect((await verifyAuditTrail(source, { head: sealing.head })).problem).toBeUndefined();
    }
    expect(heads.size).toBe(2);
    for (const head of heads) {
      expect((await verifyAuditTrail(source, { head })).problem).toBeUndefined();
    }
  });

  test("seals complete lines only, whatever is in them", async () => {
    const [whole = "", second = "", third = ""] = linesOf(entriesOf(3));
    const long = "x".repeat(2_500_000);
    const file = createMemoryAppendFile(
      `${whole}\n${second.slice(0, 30)}\n\n\ufeff${long}\n${third}`,
    );
    const seals = createMemoryAppendFile();
    const source = { lines: () => file.read(), seals: () => seals.read() };
    expect(await sealAuditTrail(source, seals)).toMatchObject({ added: 4, sealed: 4 });
    await createJsonlAuditTrail(file).append(entryOf(4));
    expect(await sealAuditTrail(source, seals)).toMatchObject({ added: 2, sealed: 6 });
    expect(await verifyAuditTrail(source)).toMatchObject({ sealed: 6, unsealed: 0 });
    const changed = file.text.replace("xxx\n", "xxy\n");
    expect((await verifyAuditTrail(sourceOf([encode(changed)], seals.text))).problem).toEqual({
      kind: "changed",
      line: 4,
      why: "line 4 is not as it was sealed",
    });
  });

  test("goes on where the seals were cut off, at whichever byte", async () => {
    const entries = entriesOf(3);
    const whole = textOf((await sealsOf(linesOf(entries), () => entries)).seals);
    for (let length = 0; length <= whole.length; length += 1) {
      const seals = createMemoryAppendFile(whole.slice(0, length));
      const source = { lines: () => entries, seals: () => seals.read() };
      expect((await verifyAuditTrail(source)).problem).toBeUndefined();
      const { added, sealed } = await sealAuditTrail(source, seals);
      expect({ added, sealed }).toEqual({
        added: 3 - (whole.slice(0, length).match(/\n/g) ?? []).length,
        sealed: 3,
      });
      expect(await verifyAuditTrail(source)).toMatchObject({ sealed: 3, unsealed: 0 });
      expect((await verifyAuditTrail(source)).problem).toBeUndefined();
    }
  });

  test.each(tamperings.filter(({ byHead }) => !byHead))(
    "adds nothing where $name",
    async ({ tamper, finds }) => {
      const lines = linesOf(entriesOf(sealedLines));
      const form: Form = (given) => [encode(textOf(given))];
      const { seals } = await sealsOf(lines, form);
      const record = { lines, seals, ...await tamper({ lines, seals }, () => Promise.resolve([])) };
      const file = createMemoryAppendFile();
      const more = [...record.lines];
      if (finds.kind !== "cut") more.push(...linesOf(entriesOf(2)));
      const error = await rejection(
        sealAuditTrail(sourceOf(form(more), textOf(record.seals)), file),
      );
      expect(error).toBeInstanceOf(AuditTrailError);
      expect(error).toMatchObject({ code: "ERR_AUDIT_TRAIL", line: finds.line });
      expect(String(error)).toContain(`Cannot seal the audit trail: line ${finds.line}`);
      expect(file.text).toBe("");
    },
  );

  test("rejects with what the source or the file fails with", async () => {
    const full = new Error("disk full");
    const entries = entriesOf(2_500);
    const seals = createMemoryAppendFile();
    let appends = 0;
    const failing = {
      append: (text: string) => (appends += 1) < 3 ? seals.append(text) : Promise.reject(full),
    };
    const source = { lines: () => entries, seals: () => seals.read() };
    expect(await rejection(sealAuditTrail(source, failing))).toBe(full);
    expect(await verifyAuditTrail(source)).toMatchObject({ sealed: 2_000, unsealed: 500 });
    expect(await sealAuditTrail(source, seals)).toMatchObject({ added: 500, sealed: 2_500 });
    const broken = { ...source, lines: () => Promise.reject(full) };
    expect(await rejection(sealAuditTrail(broken, seals))).toBe(full);
    expect(await rejection(verifyAuditTrail(broken))).toBe(full);
  });
});

describe("verifyAuditTrail()", () => {
  test("names no id that could write on a terminal", async () => {
    const evil = linesOf([entryOf(1), entryOf(2, { id: "\u001b[2Jmsgbatch_2" })]);
    const { seals } = await sealsOf(linesOf(entriesOf(2)), (given) => [encode(textOf(given))]);
    const found = await verifyAuditTrail(sourceOf([encode(textOf(evil))], textOf(seals)));
    expect(found.problem).toMatchObject({ kind: "changed", line: 2 });
    expect(everythingIn(found)).not.toContain("msgbatch_2");
  });

  test.each(["", "12", "1:abc", `1:${"g".repeat(64)}`, `-1:${"0".repeat(64)}`, null])(
    "refuses %j as a head",
    async (head) => {
      const found = verifyAuditTrail(sourceOf([], ""), { head: head as string });
      const error = await rejection(found);
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).toContain("Cannot use head: ");
    },
  );

  test("takes a head of nothing for what it is", async () => {
    const head = `0:${await hexOf("batchsweep audit trail 1\n")}`;
    expect((await verifyAuditTrail(sourceOf(entriesOf(1), ""), { head })).problem).toBeUndefined();
    const other = await verifyAuditTrail(sourceOf([], ""), { head: `0:${"0".repeat(64)}` });
    expect(other.problem).toMatchObject({ kind: "rewritten", line: 0 });
  });

  test("takes the end of a line that is too long for nothing of its own", async () => {
    const long = "x".repeat(1_048_576);
    const [entry = ""] = linesOf([entryOf(1)]);
    const { seals } = await sealsOf([entry], (given) => [encode(textOf(given))]);
    const changed = await verifyAuditTrail(
      sourceOf([encode(textOf([long + entry]))], textOf(seals)),
    );
    expect(changed.problem).toMatchObject({ kind: "changed", line: 1 });
    expect(changed.problem).not.toHaveProperty("id");
    const garbled = await verifyAuditTrail(
      sourceOf([encode(textOf([entry]))], long + textOf(seals)),
    );
    expect(garbled).toMatchObject({ sealed: 0, problem: { kind: "unsealed", line: 1 } });
  });

  test("finds what cannot be read after the last seal, where it is a whole line", async () => {
    const entries = entriesOf(2);
    const { seals } = await sealsOf(linesOf(entries), () => entries);
    const found = await verifyAuditTrail(sourceOf(entries, `${textOf(seals)}{"version":1}\n`));
    expect(found).toMatchObject({ sealed: 2, problem: { kind: "unsealed", line: 3 } });
    const torn = await verifyAuditTrail(sourceOf(entries, `${textOf(seals)}{"version":1}`));
    expect(torn).toMatchObject({ sealed: 2, unsealed: 0 });
    expect(torn.problem).toBeUndefined();
  });

  test("ends the sources that it does not read to their end", async () => {
    const { seals } = await sealsOf(linesOf(entriesOf(2)), (given) => [encode(textOf(given))]);
    const canceled: string[] = [];
    const endless = (name: string, text: string) =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(encode(text)),
        cancel: () => void canceled.push(name),
      });
    const { problem } = await verifyAuditTrail({
      lines: () => endless("lines", "other\n"),
      seals: () => endless("seals", textOf(seals)),
    });
    expect(problem?.line).toBe(1);
    expect(canceled.toSorted()).toEqual(["lines", "seals"]);
  });

  test("rejects for no content of lines and seals, and believes none but what was sealed", async () => {
    const { seals } = await sealsOf(linesOf(entriesOf(2)), (given) => [encode(textOf(given))]);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.constantFrom(...seals, ...linesOf(entriesOf(2)), "", "{}"), { maxLength: 6 })
        .map((lines) => encode(textOf(lines))),
    );
    await fc.assert(fc.asyncProperty(bytes, bytes, async (lines, sealing) => {
      const { sealed, problem } = await verifyAuditTrail({
        lines: () => [lines],
        seals: () => [sealing],
      });
      const text = new TextDecoder().decode(lines);
      const right = textOf(linesOf(entriesOf(2)).slice(0, sealed));
      expect(sealed <= 2 && text.startsWith(right)).toBe(true);
      if (problem !== undefined) expect(problem.line).toBeGreaterThan(0);
    }));
  });

  test("finds any one thing that is done to any line, and to any seal", async () => {
    const change = fc.record({
      on: fc.constantFrom("lines", "seals"),
      what: fc.constantFrom("flip", "drop", "double", "remove", "swap", "move", "blank"),
      where: fc.nat(),
      at: fc.nat(),
      to: fc.nat(),
    });
    const entries = fc.array(anyEntry, { minLength: 2, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(entries, change, async (given, { on, what, where, at, to }) => {
        const lines = linesOf(given);
        const { seals, head } = await sealsOf(lines, () => given);
        const before = on === "lines" ? lines : seals;
        const number = where % before.length;
        const line = before[number] ?? "";
        const after = before.toSpliced(number, 1);
        if (what === "flip" || what === "drop" || what === "double") {
          const place = at % line.length;
          const put = { flip: "#", drop: "", double: line[place]?.repeat(2) ?? "" }[what];
          after.splice(number, 0, line.slice(0, place) + put + line.slice(place + 1));
        }
        if (what === "swap") after.splice((number + 1) % before.length, 0, line);
        if (what === "move") after.splice(to % before.length, 0, line);
        if (what === "blank") after.splice(number, 0, "");
        fc.pre(textOf(after) !== textOf(before));
        const source = on === "lines"
          ? sourceOf([encode(textOf(after))], textOf(seals))
          : sourceOf(given, textOf(after));
        const { problem, sealed } = await verifyAuditTrail(source, { head });
        const first = before.findIndex((one, index) => one !== after[index]) + 1;
        // A seal that has lost a digit of its number contradicts the seal of an earlier line.
        const says = Number(/^\{"version":1,"line":(\d+),/.exec(after[first - 1] ?? "")?.[1]);
        expect(problem?.line).toBe(on === "seals" && says < first ? says : first);
        expect(sealed).toBe(first - 1);
      }),
      { numRuns: 300 },
    );
  });
});

describe("an audit trail of several writers and sealers at once", () => {
  /** Turns that are taken in an order of chance. */
  const turns = (random: () => number) => {
    const waiting: (() => void)[] = [];
    let awake = false;
    const wake = () => {
      const [next] = waiting.splice(Math.floor(random() * waiting.length), 1);
      awake = next !== undefined;
      next?.();
      if (awake) void Promise.resolve().then(() => Promise.resolve()).then(wake);
    };
    return () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (!awake) {
          awake = true;
          void Promise.resolve().then(wake);
        }
      });
  };

  /** A file that is read while it grows, in pieces of any size. */
  const fileOf = (turn: () => Promise<void>, random: () => number) => {
    const file = createMemoryAppendFile();
    return {
      file,
      append: async (text: string) => {
        await turn();
        await file.append(text);
        await turn();
      },
      read: async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        for (let at = 0; await turn(), at < file.text.length;) {
          const piece = file.text.slice(at, at + 1 + Math.floor(random() * 700));
          at += piece.length;
          yield encode(piece);
        }
      },
    };
  };

  test("verifies at all times, and holds all that was added", async () => {
    let again = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat({ max: 20 }), async (seed, count) => {
        const random = seededRandom(seed);
        const turn = turns(random);
        const [trailFile, sealFile] = [fileOf(turn, random), fileOf(turn, random)];
        const source: AuditSource = { lines: trailFile.read, seals: sealFile.read };
        const trail = createJsonlAuditTrail(trailFile);
        let writing = 3;
        const write = async (writer: number) => {
          for (let number = 0; number < count; number += 1) {
            await trail.append(entryOf(1, { id: `${writer}-${number}` }));
          }
          writing -= 1;
        };
        const seal = async () => {
          while (writing > 0) await sealAuditTrail(source, sealFile);
        };
        const verify = async () => {
          let head: string | undefined;
          while (writing > 0) {
            const found = await verifyAuditTrail(source, { head });
            expect(found.problem).toBeUndefined();
            head = found.head;
          }
        };
        await Promise.all([...[0, 1, 2].map(write), seal(), seal(), seal(), verify(), verify()]);
        const { sealed, head } = await sealAuditTrail(source, sealFile);
        expect(sealed).toBe(3 * count);
        expect(await verifyAuditTrail(source, { head })).toEqual({ sealed, unsealed: 0, head });
        again += (sealFile.file.text.match(/\n/g) ?? []).length - sealed;
        const ids = (await collect(readAuditTrail(trailFile.file.read()))).map(({ id }) => id);
        for (const writer of [0, 1, 2]) {
          expect(ids.filter((id) => id.startsWith(`${writer}-`))).toEqual(
            Array.from({ length: count }, (_, number) => `${writer}-${number}`),
          );
        }
      }),
      { numRuns: 50 },
    );
    expect(again).toBeGreaterThan(0); // lines that were sealed by several at once
  });

  test("verifies with seals that come again, and finds one of them that differs", async () => {
    const entries = entriesOf(9);
    const { seals } = await sealsOf(linesOf(entries), () => entries);
    const again = [...seals.slice(0, 6), ...seals.slice(0, 3), ...seals.slice(2), ...seals];
    expect(await verifyAuditTrail(sourceOf(entries, textOf(again)))).toMatchObject({
      sealed: 9,
      unsealed: 0,
    });
    for (const [index, seal] of again.entries()) {
      const other = again.with(index, seal.replace(/.(?="})/, (last) => last === "0" ? "1" : "0"));
      const { problem } = await verifyAuditTrail(sourceOf(entries, textOf(other)));
      expect(problem?.line).toBe(JSON.parse(seal).line);
    }
  });

  test("is looked at again where the seals know of more", async () => {
    const [first, second] = [entriesOf(2), entriesOf(5)];
    const { seals } = await sealsOf(linesOf(second), () => second);
    let looks = 0;
    const source = {
      lines: () => (looks += 1) === 1 ? first : second,
      seals: () => inPieces(encode(textOf(seals)), [50, 50, 50]),
    };
    expect(await verifyAuditTrail(source)).toMatchObject({ sealed: 5, unsealed: 0 });
    expect(looks).toBe(2);
  });
});
