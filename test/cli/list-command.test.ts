import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MessageBatch } from "../../mod.ts";
import type { MessageBatchFilter } from "../../src/purge/mod.ts";
import { systemError } from "./system-error.ts";
import { anyBatches, batchOf, conditions, daysAgo, now, timeOf } from "../fixtures/batches.ts";
import { type CommandStage, createCommandStage } from "./command-stage.ts";
import { jsonLines } from "../fixtures/json-lines.ts";

describe("a filter on the command line", () => {
  /** The filter of the plan that is made by these flags. */
  const filterOf = async (...flags: string[]) => {
    const { run, files, written } = createCommandStage();
    const code = await run("purge", ...flags, "--plan-out", "plan");
    const { filter } = JSON.parse(files.texts.get("plan") ?? "{}");
    return { code, filter, stderr: written.stderr };
  };

  test.each<[string, MessageBatchFilter | "*"]>([
    ["--older-than 7d", { minDaysSinceCreated: 7 }],
    ["--older-than 36h", { minDaysSinceCreated: 1.5 }],
    ["--older-than 864000ms", { minDaysSinceCreated: 0.01 }],
    ["--older-than 2.5s", { minDaysSinceCreated: 2.5 / 86_400 }],
    ["--ended-for 90m", { minDaysSinceEnded: 0.0625 }],
    ["--created-before 2026-11-22", { createdBefore: "2026-11-22T00:00:00Z" }],
    ["--created-after 2026-11-22T14:30:00+01:00", { createdAfter: "2026-11-22T14:30:00+01:00" }],
    ["--ended-before 2028-02-29", { endedBefore: "2028-02-29T00:00:00Z" }],
    ["--ended-after 2026-11-22", { endedAfter: "2026-11-22T00:00:00Z" }],
    ["--status ended", { status: ["ended"] }],
    [
      "--status canceling,in_progress --status canceling",
      { status: ["canceling", "in_progress"] },
    ],
    ["--max 10", { oldest: 10 }],
    ["--older-than 1d --max 2", { minDaysSinceCreated: 1, oldest: 2 }],
    ["--all", "*"],
  ])("means with %s what the library means", async (flags, filter) => {
    expect(await filterOf(...flags.split(" "))).toMatchObject({ code: 0, filter });
  });

  test("takes white space around the words of a list", async () => {
    const { filter } = await filterOf("--status", "canceling, in_progress");
    expect(filter).toEqual({ status: ["canceling", "in_progress"] });
  });

  test.each<[string[], string]>([
    ...["", "7", "d", "0d", "-1d", "1w", "1 d", "1e3d", "1d ", "1D", `${"9".repeat(400)}d`].map(
      (text): [string[], string] => [
        [`--older-than=${text}`],
        `Cannot use --older-than ${
          JSON.stringify(text.slice(0, 80))
        }: give a number above 0 with its unit`,
      ],
    ),
    [["--ended-for", "1w"], 'Cannot use --ended-for "1w": '],
    [["--created-before", "yesterday"], 'Cannot use --created-before "yesterday": give a day'],
    [["--created-after", "2026-02-30"], 'Cannot use --created-after "2026-02-30": '],
    [["--ended-before", "2026-11-22T14:30:00"], "Cannot use --ended-before "],
    [["--ended-after", ""], 'Cannot use --ended-after "": '],
    [["--status", "ended,done"], 'Cannot use --status "ended,done": give one of in_progress, '],
    [["--max", "0"], 'Cannot use --max "0": give a whole number of 1 or more'],
    [["--max", "1e3"], 'Cannot use --max "1e3": '],
    [["--all", "--max", "1"], "Cannot use --all with another condition"],
    [["--all", "--older-than", "x"], "Cannot use --older-than "],
  ])("is refused as %j", async (flags, message) => {
    const { code, stderr } = await filterOf(...flags);
    expect([code, stderr.startsWith(message)]).toEqual([2, true]);
  });
});

describe("list with a filter", () => {
  /** The ids that a command prints of these batches. */
  const idsOf = async (batches: readonly MessageBatch[], command: string, ...flags: string[]) => {
    const page = { data: batches, has_more: false, first_id: null, last_id: null };
    const { run, written } = createCommandStage({
      fetch: () => Promise.resolve(Response.json(page)),
    });
    expect(await run(command, "--json", ...flags)).toBe(0);
    const lines = written.stdout === "" ? [] : jsonLines<{ id?: string }>(written.stdout);
    return new Set(lines.flatMap(({ id }) => id ?? []));
  };
  const flagsOf = (filter: MessageBatchFilter) => {
    const { minDaysSinceCreated: created, minDaysSinceEnded: ended, status } = filter;
    const flags = {
      "older-than": created && `${created}d`,
      "ended-for": ended && `${ended}d`,
      "created-before": filter.createdBefore,
      "created-after": filter.createdAfter,
      "ended-before": filter.endedBefore,
      "ended-after": filter.endedAfter,
      status: status?.join(),
    };
    return Object.entries(flags).flatMap(([name, value]) => value ? [`--${name}`, value] : []);
  };
  const { ids: _, oldest: __, ...rest } = conditions;
  const anyFilter = fc.record(rest, { requiredKeys: [] })
    .filter((filter) => Object.keys(filter).length > 0);

  test("means every batch that a purge deletes, and no other ended one of the past", async () => {
    const anyOnce = anyBatches.map((batches) => [
      ...new Map(batches.map((batch) => [batch.id, batch])).values(),
    ]);
    await fc.assert(
      fc.asyncProperty(anyFilter, anyOnce, async (filter, batches) => {
        const flags = flagsOf(filter);
        const listed = await idsOf(batches, "list", ...flags);
        const purged = await idsOf(batches, "purge", "--dry-run", ...flags);
        const canceled = await idsOf(batches, "purge", "--dry-run", "--cancel", ...flags);
        expect(listed).toEqual(new Set([...listed, ...purged, ...canceled]));
        for (const { id, processing_status: status, created_at, ended_at } of batches) {
          const isPast = timeOf(created_at) <= now && timeOf(ended_at) <= now;
          if (status === "ended" && isPast) expect(purged.has(id)).toBe(listed.has(id));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("means by age a batch that has not ended, which no purge deletes by it", async () => {
    const going = batchOf("a", { processing_status: "in_progress", ended_at: null });
    const early = { ...going, id: "b", ended_at: daysAgo(10) };
    const listed = async (...flags: string[]) => [...await idsOf([going, early], "list", ...flags)];
    expect(await listed("--older-than", "9d")).toEqual(["a", "b"]);
    expect(await listed("--created-before", daysAgo(9))).toEqual(["a", "b"]);
    expect(await listed("--older-than", "11d")).toEqual([]);
    expect(await listed("--ended-for", "1d")).toEqual([]);
    expect(await listed("--ended-before", daysAgo(0))).toEqual([]);
  });

  test("means no batch by a time that cannot be read", async () => {
    const batch = batchOf("a", { created_at: "soon", ended_at: "2026-02-30T00:00:00Z" });
    const flags: MessageBatchFilter[] = [
      { minDaysSinceCreated: 1 },
      { createdBefore: daysAgo(0) },
      { createdAfter: daysAgo(90) },
      { minDaysSinceEnded: 1 },
      { endedBefore: daysAgo(0) },
      { endedAfter: daysAgo(90) },
    ];
    for (const one of flags) {
      expect(await idsOf([batch], "list", ...flagsOf(one))).toEqual(new Set());
    }
  });
});

describe("list", () => {
  const list = (stage: CommandStage, ...flags: string[]) => stage.run("list", ...flags);
  const listed = "Workspace  wrkspc_011CZkZaBF1tNoB5wlCeusgy\nListed     ";

  /** A stage with a batch in every state, the newest last. */
  function everyState(options?: Parameters<typeof createCommandStage>[0]) {
    const stage = createCommandStage(options);
    const { sandbox } = stage;
    const seeds = [
      { id: "msgbatch_4", created_at: daysAgo(40), requests: 2 },
      { id: "msgbatch_3", created_at: daysAgo(3), request_counts: { errored: 1, expired: 2 } },
      { id: "msgbatch_2", processing_status: "canceling", created_at: daysAgo(0.2) },
      { id: "msgbatch_1", processing_status: "in_progress", requests: 3 },
    ] as const;
    for (const seed of seeds) sandbox.seed(seed);
    return stage;
  }

  test("shows a table, the newest first, and counts on stderr", async () => {
    const stage = everyState();
    expect(await list(stage)).toBe(0);
    expect(stage.written).toEqual({
      stdout: [
        "ID          STATUS       CREATED (UTC)     ENDED (UTC)       REQUESTS",
        "msgbatch_1  in_progress  2026-11-22 00:00                    3 processing",
        "msgbatch_2  canceling    2026-11-21 19:12                    1 processing",
        "msgbatch_3  ended        2026-11-19 00:00  2026-11-19 00:01  1 errored, 2 expired",
        "msgbatch_4  ended        2026-10-13 00:00  2026-10-13 00:01  2 succeeded; archived",
        "",
      ].join("\n"),
      stderr: `${listed}4 batches: 1 in_progress, 1 canceling, 2 ended\n`,
    });
    expect(stage.requests()).toEqual(["GET /v1/messages/batches"]);
  });

  test("fits every terminal, and leaves whole columns out, but never the first", async () => {
    for (let columns = 10; columns <= 90; columns += 1) {
      const stage = everyState({ columns });
      await list(stage);
      const lines = stage.written.stdout.split("\n");
      expect(lines).toHaveLength(6);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(columns, 10));
      expect(lines[0]).toMatch(/^ID/);
    }
  });

  test("cuts between two words what may be cut, before it leaves a column out", async () => {
    const line = async (columns: number) => {
      const stage = everyState({ columns });
      await list(stage);
      return stage.written.stdout.split("\n")[3];
    };
    const both = "msgbatch_3  ended        2026-11-19 00:00  2026-11-19 00:01";
    expect(await line(81)).toBe(`${both}  1 errored, 2 expired`);
    for (const columns of [80, 74]) expect(await line(columns)).toBe(`${both}  1 errored, 2…`);
    const created = "msgbatch_3  ended        2026-11-19 00:00";
    expect(await line(73)).toBe(`${created}  1 errored, 2 expired`);
    expect(await line(56)).toBe(`${created}  1 errored, 2…`);
    expect(await line(55)).toBe("msgbatch_3  ended        1 errored, 2 expired");
    expect(await line(38)).toBe("msgbatch_3  ended        1 errored, 2…");
    expect(await line(37)).toBe("msgbatch_3  ended");
    for (const columns of [20, 1]) expect(await line(columns)).toBe("msgbatch_3");
  });

  test("keeps each batch on its line, whatever the API says of it", async () => {
    const strange = batchOf("a", { processing_status: "a\nb\u001b[31m", created_at: "\t" });
    const page = { data: [strange], has_more: false, first_id: null, last_id: null };
    const stage = createCommandStage({ fetch: () => Promise.resolve(Response.json(page)) });
    expect(await list(stage)).toBe(0);
    expect(stage.written.stdout.split("\n")).toHaveLength(3);
    expect(stage.written.stdout).toContain("a b [31m");
  });

  test("writes JSON lines as the API gives them, while they come", async () => {
    const stage = createCommandStage({
      onResult: () => {
        perLine.push(stage.requests().length);
      },
    });
    const perLine: number[] = [];
    for (let index = 0; index < 1_001; index++) stage.sandbox.seed();
    expect(await list(stage, "--json")).toBe(0);
    const lines = stage.jsonLines() as { id: string }[];
    expect(lines).toHaveLength(1_001);
    for (const line of [lines[0], lines[1_000]]) {
      expect(line).toEqual(stage.sandbox.batch(line?.id ?? ""));
    }
    expect([perLine[0], perLine[999], perLine[1_000]]).toEqual([1, 1, 2]);
    expect(stage.written.stderr).toBe(`${listed}1001 batches: 1001 ended\n`);
  });

  test("lists what the conditions mean, in progress too", async () => {
    const ids = async (...flags: string[]) => {
      const stage = everyState();
      await list(stage, "--json", ...flags);
      return stage.jsonLines().map((line) => (line as { id: string }).id);
    };
    expect(await ids("--older-than", "2.4h")).toEqual([2, 3, 4].map((n) => `msgbatch_${n}`));
    expect(await ids("--status", "in_progress,canceling")).toEqual(["msgbatch_1", "msgbatch_2"]);
    expect(await ids("--ended-for", "5d")).toEqual(["msgbatch_4"]);
  });

  test("asks for no more than a limit needs, and says that there may be more", async () => {
    const stage = everyState();
    await list(stage, "--json", "--limit", "2");
    expect(stage.jsonLines()).toMatchObject([{ id: "msgbatch_1" }, { id: "msgbatch_2" }]);
    expect(stage.sandbox.requests.map(({ search }) => search)).toEqual(["?limit=2"]);
    expect(stage.written.stderr).toContain("\n           there may be older ones beyond --limit\n");
  });

  test("counts the batches that a filter means towards a limit", async () => {
    const stage = everyState();
    await list(stage, "--json", "--limit", "1", "--status", "ended");
    expect(stage.jsonLines()).toMatchObject([{ id: "msgbatch_3" }]);
    expect(stage.sandbox.requests.map(({ search }) => search)).toEqual(["?limit=1000"]);
  });

  test("says that there are none, and is done", async () => {
    for (const flags of [[], ["--json"], ["--status", "ended"]]) {
      const stage = createCommandStage();
      expect(await list(stage, ...flags)).toBe(0);
      expect(stage.written).toEqual({ stdout: "", stderr: `${listed}no batches\n` });
    }
  });

  test("writes what came before a page failed, and says that it is not all", async () => {
    for (const json of [true, false]) {
      const stage = createCommandStage();
      for (let index = 0; index < 1_001; index++) stage.sandbox.seed();
      stage.sandbox.fail({ headers: {} });
      stage.sandbox.fail({ status: 500 });
      expect(await list(stage, ...json ? ["--json"] : [])).toBe(1);
      expect(stage.written.stdout.split("\n")).toHaveLength(json ? 1_001 : 1_002);
      expect(stage.written.stderr).toMatch(
        /^The list breaks off .* 1000 batches: 1000 ended\nCannot list message batches: 500 api_error: .* \(req_\w+\)\n$/,
      );
    }
  });

  test("tells a refused key and an address that does not answer", async () => {
    const refused = createCommandStage({ sandbox: { apiKeys: ["another"] } });
    expect([await list(refused), refused.written.stdout]).toEqual([4, ""]);
    expect(refused.written.stderr).not.toContain("looked for");
    const lost = createCommandStage();
    lost.sandbox.fail({ connection: "lost_before" });
    const answering = (body: string, status: number) =>
      createCommandStage({ fetch: () => Promise.resolve(new Response(body, { status })) });
    for (const stage of [lost, answering("<html>", 200), answering("", 404)]) {
      expect([await list(stage), stage.written.stdout]).toEqual([1, ""]);
      expect(stage.written.stderr).toMatch(
        /\nThe base URL is https:\/\/api\.anthropic\.com\n$/,
      );
    }
  });

  test("ends with what it has when it is interrupted", async () => {
    for (const json of [true, false]) {
      const stage = createCommandStage({
        onAnswer: () => stage.sandbox.requests.length === 2 && stage.interrupt(),
      });
      for (let index = 0; index < 2_001; index++) stage.sandbox.seed();
      expect(await list(stage, ...json ? ["--json"] : [])).toBe(130);
      expect(stage.written.stdout).not.toBe("");
      expect(stage.written.stderr).toMatch(
        /^The list breaks off after \d+ batches: .*\nInterrupted\n$/,
      );
      expect(stage.sandbox.requests).toHaveLength(2);
    }
  });

  test("asks for no more when the reader is gone", async () => {
    const stage = createCommandStage({
      onResult: () => {
        throw systemError("EPIPE");
      },
    });
    for (let index = 0; index < 1_001; index++) stage.sandbox.seed();
    expect(await list(stage, "--json")).toBe(141);
    expect(stage.sandbox.requests).toHaveLength(1);
    expect(stage.written.stderr).toBe("");
  });
});
