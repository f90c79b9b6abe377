import { describe, expect, test } from "vitest";
import type { MessageBatch } from "../../mod.ts";
import { fullAfter } from "./memory-files.ts";
import { lastScreen, withoutColours } from "./screen.ts";
import { systemError } from "./system-error.ts";
import { batchOf, daysAgo } from "../fixtures/batches.ts";
import { createCommandStage, type StageOptions } from "./command-stage.ts";
import { policyOf } from "../fixtures/policies.ts";
import { seedBatches } from "../fixtures/seed-batches.ts";

const minute = 60_000;

describe("purge asks for the number, and", () => {
  const ask = async (options: StageOptions) => {
    const stage = createCommandStage({ answer: "", ...options });
    seedBatches(stage.sandbox, 12);
    const code = await stage.run("purge", "--all");
    return { code, size: stage.sandbox.size, stderr: stage.written.stderr };
  };
  const typing = (...texts: string[]) =>
    async function* () {
      for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text));
    };

  test.each([[["12\n"]], [["1", "2\r\n"]], [[" 12"]], [["12\nno\n"]]])(
    "takes %j for a yes",
    async (texts) => {
      expect(await ask({ input: typing(...texts) })).toMatchObject({ code: 0, size: 0 });
    },
  );

  test("reads no further than an answer can be", async () => {
    let chunks = 0;
    const endless = async function* () {
      for (; chunks < 100; chunks += 1) yield await Promise.resolve(new Uint8Array(600).fill(49));
    };
    expect(await ask({ input: endless })).toMatchObject({ code: 1, size: 12 });
    expect(chunks).toBeLessThan(4);
  });
});

describe("purge --plan", () => {
  const apply = ["--plan", "p", "--yes"];

  test("refuses a file with a member that is there twice", async () => {
    const { run, files } = createCommandStage();
    expect(await run("purge", "--all", "--plan-out", "p")).toBe(0);
    const plan = files.texts.get("p") ?? "";
    for (const name of ["version", "filter"]) {
      const p = plan.replace(`"${name}":`, `"${name}": 1, "${name}":`);
      const twice = createCommandStage({ files: { p } });
      expect(await twice.run("purge", ...apply)).toBe(2);
      expect(twice.written.stderr).toBe(
        `Cannot use p: ${name} is there twice in one object\n`,
      );
    }
  });

  test("refuses a file that is not there, and a path that is empty", async () => {
    for (const [path, name] of [["none", "none"], ["", '""']] as const) {
      const { run, written } = createCommandStage();
      expect(await run("purge", "--plan", path, "--yes")).toBe(2);
      expect(written.stderr).toMatch(`Cannot read ${name}: there is no`);
    }
  });

  test("keeps batches whose results are archived, unless --archived is delete", async () => {
    const { run, written, sandbox } = createCommandStage();
    for (const days of [2, 40, 41]) sandbox.seed({ created_at: daysAgo(days) });
    expect(await run("purge", "--older-than", "40.5d", "--plan-out", "p")).toBe(0);
    written.stderr = "";
    expect(await run("purge", "--plan", "p", "--export", "saved", "--dry-run")).toBe(0);
    expect(written.stderr).toContain("\nDelete     0 of 3 message batches\n");
    expect(written.stderr).toContain("\nKept       2 that the filter does not match\n");
    expect(written.stderr).toContain("\nArchived   1: kept, since ");
    written.stderr = "";
    const without = ["--archived", "delete"];
    expect(await run("purge", "--plan", "p", "--export", "saved", ...without, "--dry-run")).toBe(0);
    expect(written.stderr).toContain("\nDelete     1 of 3 message batches\n");
  });

  test("applies an item a line, and a plan without any", async () => {
    for (const count of [0, 3]) {
      const { run, files, sandbox } = createCommandStage();
      seedBatches(sandbox, count);
      expect(await run("purge", "--all", "--plan-out", "p")).toBe(0);
      expect(files.texts.get("p")?.match(/^ {4}\{"id".*\},?$/gm) ?? []).toHaveLength(count);
      expect([await run("purge", ...apply), sandbox.size]).toEqual([0, 0]);
    }
  });
});

describe("purge --dry-run says", () => {
  const shown = async (batches: readonly MessageBatch[], ...args: string[]) => {
    const page = { data: batches, has_more: false, first_id: null, last_id: null };
    const rules = [{ type: "keep_last", count: 1 }] as const;
    const { run, written } = createCommandStage({
      files: { p: JSON.stringify(policyOf(rules)) },
      fetch: () => Promise.resolve(Response.json(page)),
    });
    const [command = "", ...flags] = args;
    expect(await run(command, "--dry-run", ...flags)).toBe(0);
    return written.stderr;
  };
  const keptOf = (text: string) => /^Kept {7}(.*(?:\n {11}.*)*)/m.exec(text)?.[1]?.split(/\n */);
  const going = { processing_status: "in_progress", ended_at: null } as const;

  test("where the results and the record go, if they go somewhere", async () => {
    const text = await shown([], "purge", "--all", "--export", "saved", "--audit", "audit.jsonl");
    expect(text).toContain("\nResults    saved to saved first\n");
    expect(text).toContain("\nRecord     each deletion goes to audit.jsonl\n");
    expect(await shown([], "purge", "--all")).not.toMatch(/^(Results|Record|Kept)/m);
  });

  test("which ids have an unknown status, and which have not ended", async () => {
    const batches = [
      batchOf("msgbatch_1", going),
      batchOf("msgbatch_2", { processing_status: "x" }),
    ];
    const text = await shown(batches, "purge", "msgbatch_1", "msgbatch_2");
    expect(text).toContain(
      "\nNot ended  1 of the ids given: kept (--cancel cancels these first)\n",
    );
    expect(text).toContain("\nUnknown    1 of the ids given: kept, status unknown\n");
    expect(keptOf(text)).toBeUndefined();
  });

  const batches = [
    batchOf("a", { processing_status: "paused" }),
    batchOf("b", { ...going, created_at: daysAgo(20) }),
    batchOf("c", { ...going, processing_status: "canceling" }),
    batchOf("d"),
    batchOf("e"),
    batchOf("f", { created_at: daysAgo(-1) }),
    batchOf("g", { created_at: "soon" }),
  ];

  test("why batches are kept, a line for each cause", async () => {
    const held = ["--hold", "e"];
    const other = [
      "1 created after planning began",
      "1 created at a time that cannot be read",
    ];
    const unknown = "1 with a status that this version does not know";
    const all = await shown(batches, "purge", "--all", ...held);
    expect(keptOf(all)).toEqual([
      unknown,
      "2 not ended (--cancel cancels these first)",
      ...other,
    ]);
    const flags = ["--ended-for", "3d", "--created-after", daysAgo(15)];
    const some = await shown(batches, "purge", ...flags, ...held);
    expect(keptOf(some)).toEqual(["1 that the filter does not match", "2 not ended", ...other]);
    const retained = await shown(batches, "retain", "--policy", "p", "--hold", "e");
    expect(keptOf(retained)).toEqual([unknown, "2 not ended", "1 by the policy", ...other]);
  });
});

describe("the report", () => {
  test.each<[string, StageOptions, string[], number]>([
    ["3 for a wait in vain", {}, [], 3],
    ["1 where something is held besides", {}, ["--hold", "msgbatch_2"], 1],
    ["130 where it is interrupted besides", { onAnswer: () => {} }, [], 130],
  ])("ends with %s", async (_, { onAnswer }, flags, code) => {
    const stage = createCommandStage({
      sandbox: { cancelingTime: 60 * minute },
      onAnswer: (method) => onAnswer && method === "POST" && stage.interrupt(),
    });
    stage.sandbox.seed({ id: "msgbatch_1", processing_status: "in_progress" });
    stage.sandbox.seed({ id: "msgbatch_2" });
    const args = ["--cancel", "--timeout", "1m", ...flags, "msgbatch_1", "msgbatch_2"];
    expect(await stage.run("delete", ...args)).toBe(code);
  });

  test("says where a cancellation may have happened", async () => {
    for (const interrupted of [false, true]) {
      const stage = createCommandStage({
        onAnswer: (method) => interrupted && method === "POST" && stage.interrupt(),
      });
      stage.sandbox.seed({ id: "msgbatch_1", processing_status: "in_progress" });
      stage.sandbox.fail({ connection: "lost_before", method: "POST", times: 9 });
      const code = await stage.run("delete", "--cancel", "--timeout", "5s", "msgbatch_1");
      expect(code).toBe(interrupted ? 130 : 3);
      expect(stage.written.stderr).toContain(
        interrupted
          ? "skipped msgbatch_1 (perhaps canceled, and still there)\n"
          : "skipped msgbatch_1 (not ended after 5s; perhaps canceled)\n",
      );
    }
  });

  test("says of a failure, too, that it is not recorded", async () => {
    const { run, written, sandbox } = createCommandStage({ fileFaults: fullAfter(1) });
    sandbox.fail({ status: 500 });
    expect(await run("delete", "--audit", "a", "msgbatch_1", "msgbatch_2")).toBe(1);
    expect(written.stderr).toMatch(
      /^failed msgbatch_1 \(it may have been done\): 500 .*, but not recorded: Cannot write a: the disk is full$/m,
    );
    expect(written.stderr).toMatch(/^2 message batches: .*, 1 not recorded$/m);
  });

  test("counts what is canceled and still there for a reader that is gone", async () => {
    const stage = createCommandStage({
      sandbox: { cancelingTime: 60 * minute },
      onResult: () => {
        throw systemError("EPIPE");
      },
    });
    const ids = [
      stage.sandbox.seed().id,
      stage.sandbox.seed({ processing_status: "in_progress" }).id,
    ];
    expect(await stage.run("purge", "--all", "--cancel", "--yes")).toBe(141);
    expect(stage.sandbox.size).toBe(ids.length - 1);
    expect(stage.written.stderr).toContain(
      "2 message batches: 1 deleted, 1 skipped; 1 canceled and still there\n",
    );
  });

  test("leaves the request id out of a line that is too long for the terminal", async () => {
    const id = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";
    for (const columns of [60, 120, undefined]) {
      const { run, written, sandbox } = createCommandStage({ columns });
      sandbox.seed({ id });
      expect(await run("delete", id)).toBe(0);
      const request = columns === 60 ? "" : ", req_\\w+";
      expect(lastScreen(written.stdout)[0]).toMatch(
        new RegExp(`^deleted ${id} \\(receipt${request}\\)$`),
      );
    }
  });

  test("is whole below a line of progress, however much is written at once", async () => {
    const screen: string[] = [];
    const stage = createCommandStage({
      columns: 200,
      answer: "",
      errorColumns: 200,
      onText: (text) => screen.push(text),
    });
    const ids = [...seedBatches(stage.sandbox, 40), "msgbatch_a", "msgbatch_b"];
    expect(await stage.run("delete", "--verbose", ...ids)).toBe(1);
    const lines = lastScreen(screen.join(""));
    expect(screen.join("")).toContain("0/42");
    const first = screen.findIndex((text) => text.startsWith("deleted"));
    expect(screen[first + 1]).toMatch(/^\[.* 0\/42$/);
    expect(lines.filter((line) => /^deleted \w+ \(receipt, \w+\)$/.test(line))).toHaveLength(40);
    expect(lines.filter((line) => /^failed \w+: /.test(line))).toHaveLength(2);
    expect(lines.slice(-2)).toEqual(["42 message batches: 40 deleted, 2 failed", ""]);
    expect(lines.filter((line) => /^DELETE \/v1\S+, attempt 1: [24]\d\d in /.test(line)))
      .toHaveLength(42);
    expect(lines).toHaveLength(87); // one says what else can be done
  });
});

describe("a terminal", () => {
  /** What a plan reads like there. */
  const shown = async (columns: number, env = {}) => {
    const stage = createCommandStage({ answer: "", errorColumns: columns, env });
    stage.sandbox.seed({ id: "msgbatch_1", created_at: daysAgo(40) });
    const args = ["--ended-for", "30d", "--created-after", "2026-01-01", "--plan-out", "p"];
    expect(await stage.run("purge", ...args)).toBe(0);
    return stage.written.stderr;
  };

  test("has no line that is too long but for a word, and loses no word", async () => {
    const words = lastScreen(await shown(200)).join(" ").split(/\s+/);
    for (let columns = 12; columns < 90; columns += 1) {
      const lines = lastScreen(await shown(columns));
      expect(lines.join(" ").split(/\s+/)).toEqual(words);
      for (const line of lines) {
        if (line.length > columns) expect(line.trim()).not.toContain(" ");
      }
    }
  });

  test("keeps the second column of a table, unless a word has no room there", async () => {
    expect(lastScreen(await shown(32)).join("\n")).toContain(
      "\nBecause    It ended at least 30\n           days ago, and was\n" +
        "           created after\n           2026-01-01T00:00:00Z\nCreated",
    );
    expect(lastScreen(await shown(30)).join("\n")).toContain(
      "\nBecause    It ended at least\n  30 days ago, and was created\n" +
        "  after 2026-01-01T00:00:00Z\nCreated    2026-10-13 00:00\n           UTC\n",
    );
  });

  test("shows colours, unless NO_COLOR is set, or it knows none", async () => {
    expect(await shown(80, { NO_COLOR: "" })).toContain("\u001b[1m");
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      const text = await shown(80, env);
      expect(withoutColours(text)).toBe(text);
    }
  });
});
