import { describe, expect, test } from "vitest";
import { createMemoryAppendFile } from "../fixtures/memory-append-file.ts";
import { sealAuditTrail } from "../../src/audit/mod.ts";
import { exitCode } from "../../src/cli/errors.ts";
import { createOutput } from "../../src/cli/output.ts";
import { sealTrail } from "../../src/cli/trail.ts";
import { type VerifyFlags, verifyTrail } from "../../src/cli/audit.ts";
import { createMemoryFiles, type MemoryFiles } from "../cli/memory-files.ts";
import { entriesOf, linesOf, sourceOf, textOf } from "../fixtures/audit-entries.ts";
import { createCommandStage } from "../fixtures/command-stage.ts";
import { rejection } from "../fixtures/stub.ts";
import { sealedLines, tamperings } from "../fixtures/tampering.ts";

/** The seals of lines. */
async function sealsOf(lines: readonly string[]): Promise<readonly string[]> {
  const file = createMemoryAppendFile();
  await sealAuditTrail(sourceOf([new TextEncoder().encode(textOf(lines))], ""), file);
  return file.text.split("\n").slice(0, -1);
}

/** Files with a trail of some lines, the first of them sealed. */
async function stage(lines = linesOf(entriesOf(sealedLines)), sealed = lines.length) {
  const seals = await sealsOf(lines.slice(0, sealed));
  const files = createMemoryFiles({
    "a.jsonl": textOf(lines),
    ...sealed > 0 ? { "a.jsonl.seals": textOf(seals) } : {},
  });
  const head = `${sealed}:${/"hash":"(\w+)"/.exec(seals.at(-1) ?? "")?.[1]}`;
  return { files, lines, seals, head };
}

/** Verifies the trail of the stage. */
async function verify(
  files: MemoryFiles,
  flags: VerifyFlags = {},
  signal?: AbortSignal,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { host, written } = createCommandStage();
  const context = { host: { ...host, files, ...signal && { signal } }, output: createOutput(host) };
  const code = await verifyTrail("a.jsonl", flags, context);
  return { code, ...written };
}

const withoutHead =
  "Without --head, a tail that was cut off together with its seals is not noticed\n";

describe("verifyTrail()", () => {
  test("says what is sealed, and the head, with or without one that was remembered", async () => {
    const { files, head } = await stage();
    const before = new Map(files.texts);
    const stdout =
      "Trail       a.jsonl\nEntries     6\nSealed      6 lines, as they were sealed\n" +
      `Head        ${head}\n`;
    expect(await verify(files)).toEqual({ code: exitCode.done, stdout, stderr: withoutHead });
    expect(await verify(files, { head })).toEqual({ code: exitCode.done, stdout, stderr: "" });
    expect(files.texts).toEqual(before);
  });

  test("counts what is not sealed, and takes the head of an earlier sealing", async () => {
    const { files, head } = await stage(undefined, 4);
    for (const unsealed of [true, false]) {
      const { code, stdout } = await verify(files, { head });
      expect(code).toBe(exitCode.done);
      expect(stdout.includes("\nNot sealed  2 lines\n")).toBe(unsealed);
      await sealTrail(files, "a.jsonl");
    }
  });

  test("names lines that are no entries, which is no finding", async () => {
    const [first = "", ...rest] = linesOf(entriesOf(3));
    const few = await stage([first, '{"vers', '{"a":1}', ...rest]);
    const { code, stdout } = await verify(few.files);
    expect(code).toBe(exitCode.done);
    expect(stdout).toContain("No entries  2 lines: 2 (not json), 3 (not an entry)\n");
    const many = await stage([first, ...Array.from({ length: 13 }, () => "x")]);
    expect((await verify(many.files)).stdout).toMatch(
      /\nNo entries {2}13 lines: 2 \(not json\), .*, 11 \(not json\), and 3 more\n/,
    );
  });

  describe("names the first bad line where", () => {
    test.each(tamperings)("$name", async ({ tamper, finds, byHead }) => {
      const { files, lines, seals, head } = await stage();
      const record = { lines, seals, ...await tamper({ lines, seals }, sealsOf) };
      files.texts.set("a.jsonl", textOf(record.lines));
      files.texts.set("a.jsonl.seals", textOf(record.seals));
      const flags = byHead ? { head } : {};
      const { code, stdout, stderr } = await verify(files, flags);
      expect(code).toBe(exitCode.failed);
      expect(stderr).toMatch(/^Cannot verify a\.jsonl: line [^\n]+\n$/);
      expect(stderr).toContain(` line ${finds.line} ${finds.id ? `("${finds.id}") ` : ""}`);
      expect(stdout).not.toMatch(/^Head/m);
      const found = JSON.parse((await verify(files, { ...flags, json: true })).stdout);
      expect(found).toMatchObject({ file: "a.jsonl", problem: finds });
    });
  });

  test("takes a trail of which no line is sealed for no success", async () => {
    const { files } = await stage(undefined, 0);
    const { code, stdout, stderr } = await verify(files);
    expect([code, stdout]).toEqual([1, expect.stringContaining("Not sealed  6 lines\n")]);
    expect(stderr).toBe(
      "Cannot verify a.jsonl: none of its lines is sealed, or its seals are gone; " +
        "batchsweep audit seal a.jsonl\n",
    );
  });

  test("takes an empty trail as one that nothing speaks against", async () => {
    expect(await verify(createMemoryFiles({ "a.jsonl": "" }))).toEqual({
      code: exitCode.done,
      stdout: "Trail       a.jsonl\nEntries     0\nSealed      0 lines, as they were sealed\n",
      stderr: withoutHead,
    });
  });

  test("prints one object as JSON", async () => {
    const { files, head } = await stage(undefined, 4);
    const { code, stdout, stderr } = await verify(files, { json: true, head });
    expect([code, stderr]).toEqual([exitCode.done, ""]);
    const counts = { entries: 6, unreadable: 0, firstUnreadable: [] };
    expect(stdout).toBe(
      `${JSON.stringify({ file: "a.jsonl", sealed: 4, unsealed: 2, head, ...counts })}\n`,
    );
    const unsealed = await stage(undefined, 0);
    expect(JSON.parse((await verify(unsealed.files, { json: true })).stdout)).toMatchObject({
      sealed: 0,
      finding: expect.stringContaining("none of its lines is sealed"),
    });
  });

  test("refuses what is no audit trail", async () => {
    const texts = [
      "a\nb\n",
      '{"name":"x"}\n',
      "hello",
      '{"version":2',
      '{"vers\n{"vers',
      '{"vers\nx',
    ];
    for (const text of texts) {
      const refusal = await rejection(verify(createMemoryFiles({ "a.jsonl": text })));
      expect(refusal).toMatchObject({
        message: "Cannot use a.jsonl: it is no audit trail",
        exitCode: exitCode.usage,
      });
    }
  });

  test("takes a piece of the first entry for a trail, as a process that died leaves it", async () => {
    for (const text of ["{", '\n{"vers', '{"version":1', '{"version":1,"time":"2026-']) {
      const { stdout } = await verify(createMemoryFiles({ "a.jsonl": text }));
      expect(stdout, text).toContain(
        `\nNo entries  1 line: ${text.split("\n").length} (not json)\n`,
      );
    }
  });

  test("finds that nothing of a sealed trail is left that can be read", async () => {
    const { files, lines } = await stage();
    files.texts.set("a.jsonl", textOf(lines.map(() => "x")));
    const { code, stdout, stderr } = await verify(files);
    expect([code, stderr]).toEqual([
      exitCode.failed,
      "Cannot verify a.jsonl: line 1 is not as it was sealed\n",
    ]);
    expect(stdout).toContain("\nNo entries  6 lines: 1 (not json), ");
  });

  test("writes nothing of a line on the terminal that could move its cursor", async () => {
    const [first = "", ...rest] = linesOf(entriesOf(2));
    const { files } = await stage([first, ...rest]);
    const evil = first.replace("msgbatch_1", "\\u001b[2Kall is well");
    files.texts.set("a.jsonl", textOf([evil, ...rest]));
    for (const json of [false, true]) {
      const { code, stdout, stderr } = await verify(files, { json });
      expect(code).toBe(exitCode.failed);
      for (const text of ["\u001b", "all is well"]) expect(stdout + stderr).not.toContain(text);
    }
  });
});

describe("sealTrail()", () => {
  test("seals what is not sealed, and nothing twice", async () => {
    const { files, lines } = await stage(undefined, 4);
    const { head } = await stage();
    expect(await sealTrail(files, "a.jsonl")).toEqual({ added: 2, sealed: 6, head });
    expect(files.texts.get("a.jsonl.seals")).toBe(textOf(await sealsOf(lines)));
    expect(await sealTrail(files, "a.jsonl")).toEqual({ added: 0, sealed: 6, head });
    expect(files.texts.get("a.jsonl.seals")).toBe(textOf(await sealsOf(lines)));
    expect(files.open.size).toBe(0);
  });

  test("makes no file where there is nothing to seal", async () => {
    const files = createMemoryFiles({ "a.jsonl": '{"vers' });
    expect(await sealTrail(files, "a.jsonl")).toMatchObject({ added: 0, sealed: 0 });
    expect([...files.texts.keys()]).toEqual(["a.jsonl"]);
  });

  test("says that there is no trail, with or without its seals", async () => {
    const { files } = await stage();
    files.texts.delete("a.jsonl");
    for (const given of [files, createMemoryFiles()]) {
      expect(await rejection(sealTrail(given, "a.jsonl"))).toMatchObject({
        message: "Cannot read a.jsonl: there is no such file or directory",
      });
    }
  });

  test("seals nothing over what is not as it was sealed", async () => {
    const { files, lines } = await stage(undefined, 4);
    files.texts.set("a.jsonl", textOf(lines.slice(1)));
    const before = new Map(files.texts);
    expect(await rejection(sealTrail(files, "a.jsonl"))).toMatchObject({
      message: "Cannot seal a.jsonl: line 1 was sealed, and has been taken out",
      exitCode: exitCode.failed,
    });
    expect(files.texts).toEqual(before);
  });

  test.each([
    ["open", "EACCES", "Cannot open a.jsonl.seals: it is not permitted"],
    ["append", "ENOSPC", "Cannot write a.jsonl.seals: the disk is full"],
  ])("says that its seals cannot be written (%s)", async (wrong, code, message) => {
    const fails = (action: string) => action === wrong ? code : undefined;
    const files = createMemoryFiles({ "a.jsonl": textOf(linesOf(entriesOf(2))) }, fails);
    expect(await rejection(sealTrail(files, "a.jsonl"))).toMatchObject({ message });
    expect(files.open.size).toBe(0);
  });
});

describe.each(["a.jsonl", "a.jsonl.seals"])("where %s cannot be read", (path) => {
  test("both commands say so", async () => {
    const { files: { texts } } = await stage();
    const fails = (action: string, at: string) =>
      action === "read" && at === path ? "EACCES" : undefined;
    const files = createMemoryFiles(Object.fromEntries(texts), fails);
    const said = { message: `Cannot read ${path}: it is not permitted`, exitCode: exitCode.usage };
    expect(await rejection(verify(files))).toMatchObject(said);
    expect(await rejection(sealTrail(files, "a.jsonl"))).toMatchObject(said);
  });
});

test("both commands end when they are interrupted", async () => {
  const { files } = await stage();
  const signal = AbortSignal.abort(new Error("Interrupted"));
  expect(await rejection(verify(files, {}, signal))).toBe(signal.reason);
  expect(await rejection(sealTrail(files, "a.jsonl", signal))).toBe(signal.reason);
});

test("both commands end when they are interrupted while nothing comes", async () => {
  const never = new Promise<never>(() => {});
  const files = {
    ...createMemoryFiles(),
    async *read() {
      yield await never;
    },
  };
  const interruption = new AbortController();
  const { signal } = interruption;
  const found = verifyTrail(
    "a.jsonl",
    {},
    (() => {
      const { host } = createCommandStage();
      return { host: { ...host, files, signal }, output: createOutput(host) };
    })(),
  );
  const ends = Promise.all([rejection(found), rejection(sealTrail(files, "a.jsonl", signal))]);
  interruption.abort(new Error("Interrupted"));
  expect(await ends).toEqual([signal.reason, signal.reason]);
});
