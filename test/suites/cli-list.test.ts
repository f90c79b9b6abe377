import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateFilter, type MessageBatchFilter } from "../../src/purge/mod.ts";
import { exitCode } from "../../src/cli/errors.ts";
import { filterFrom, listFilter } from "../../src/cli/selection.ts";
import { listBatches, type ListBatchesOptions } from "../../src/cli/list.ts";
import { type OptionName, readOption } from "../../src/cli/options.ts";
import { formatTable } from "../../src/cli/text.ts";
import { parseTimestamp } from "../../src/purge/time.ts";
import { anyBatches, batchOf, conditions, daysAgo, now } from "../fixtures/batches.ts";
import { closedOutput, type CommandStage, createCommandStage } from "../fixtures/command-stage.ts";

describe("filterFrom()", () => {
  /** Options as they are typed. */
  type Typed = { readonly [Name in OptionName]?: string | true | readonly string[] };

  /** The filter of a command line. */
  const filterOf = (typed: Typed) =>
    filterFrom(Object.fromEntries(
      Object.entries(typed).map(([key, given]) => {
        const name = key as OptionName;
        if (given === true) return [name, true];
        const read = (before: unknown, text: string) => readOption(name, text, before);
        return [name, [given].flat().reduce(read, undefined)];
      }),
    ));

  test("says what each flag means", () => {
    const meanings: [Typed, MessageBatchFilter | "*" | undefined][] = [
      [{}, undefined],
      [{ olderThan: "7d" }, { minDaysSinceCreated: 7 }],
      [{ olderThan: "36h" }, { minDaysSinceCreated: 1.5 }],
      [{ endedFor: "90m" }, { minDaysSinceEnded: 0.0625 }],
      [{ createdBefore: "2026-11-22" }, { createdBefore: "2026-11-22T00:00:00Z" }],
      [{ createdAfter: "2026-11-22T14:30:00+01:00" }, {
        createdAfter: "2026-11-22T14:30:00+01:00",
      }],
      [{ endedBefore: "2028-02-29" }, { endedBefore: "2028-02-29T00:00:00Z" }],
      [{ endedAfter: "2026-11-22" }, { endedAfter: "2026-11-22T00:00:00Z" }],
      [{ status: ["ended"] }, { status: ["ended"] }],
      [
        { status: ["canceling, in_progress", "canceling"] },
        { status: ["canceling", "in_progress"] },
      ],
      [{ max: "10" }, { oldest: 10 }],
      [{ olderThan: "1d", max: "2" }, { minDaysSinceCreated: 1, oldest: 2 }],
      [{ all: true }, "*"],
    ];
    for (const [flags, filter] of meanings) expect(filterOf(flags)).toEqual(filter);
  });

  test("gives a filter that the library takes as it is", () => {
    const flags = { olderThan: "1m", createdAfter: "2026-01-01", status: ["ended"], max: "3" };
    expect(evaluateFilter(filterOf(flags) ?? "*", [batchOf("a")], now).get("a")?.action).toBe(
      "delete",
    );
  });

  test.each<[Typed, string]>([
    [{ olderThan: "7" }, 'Cannot use --older-than "7": give a number above 0 with its unit'],
    [{ olderThan: "0d" }, 'Cannot use --older-than "0d": '],
    [{ olderThan: `${"9".repeat(400)}d` }, "Cannot use --older-than "],
    [{ endedFor: "1w" }, 'Cannot use --ended-for "1w": '],
    [{ createdBefore: "yesterday" }, 'Cannot use --created-before "yesterday": give a day'],
    [{ createdAfter: "2026-02-30" }, 'Cannot use --created-after "2026-02-30": '],
    [{ endedBefore: "2026-11-22T14:30:00" }, "Cannot use --ended-before "],
    [{ endedAfter: "" }, 'Cannot use --ended-after "": '],
    [{ status: "ended,done" }, 'Cannot use --status "ended,done": give one of in_progress, '],
    [{ max: "0" }, 'Cannot use --max "0": give a whole number of 1 or more'],
    [{ max: "1e3" }, 'Cannot use --max "1e3": '],
    [{ all: true, max: "1" }, "Cannot use --all with another condition"],
    [{ all: true, olderThan: "x" }, "Cannot use --older-than "],
  ])("refuses %j", (flags, message) => {
    expect(() => filterOf(flags)).toThrow(
      expect.objectContaining({
        exitCode: exitCode.usage,
        message: expect.stringContaining(message),
      }),
    );
  });
});

describe("listFilter()", () => {
  const { ids: _, oldest: __, ...rest } = conditions;
  const anyFilter = fc.record(rest, { requiredKeys: [] })
    .filter((filter) => Object.keys(filter).length > 0);

  test("holds for every batch that a purge deletes", () => {
    fc.assert(fc.property(anyFilter, anyBatches, (filter, batches) => {
      const decisions = evaluateFilter(filter, batches, now, { cancelInProgress: true });
      const last = new Map(batches.map((batch) => [batch.id, batch]));
      for (const [id, batch] of last) {
        if (decisions.get(id)?.action === "keep") continue;
        expect(listFilter(filter, now)(batch)).toBe(true);
      }
    }));
  });

  test("means no other ended batch of the past than a purge does", () => {
    fc.assert(fc.property(anyFilter, anyBatches, (filter, batches) => {
      for (const batch of batches) {
        const past = [batch.created_at, batch.ended_at].every((at) =>
          (parseTimestamp(at) ?? Infinity) <= now
        );
        if (batch.processing_status !== "ended" || !past) continue;
        const decision = evaluateFilter(filter, [batch], now).get(batch.id);
        expect(listFilter(filter, now)(batch)).toBe(decision?.action === "delete");
      }
    }));
  });

  test("holds by age for a batch that has not ended, which no purge deletes by it", () => {
    const going = batchOf("a", { processing_status: "in_progress", ended_at: null });
    expect(listFilter({ minDaysSinceCreated: 9 }, now)(going)).toBe(true);
    expect(listFilter({ createdBefore: daysAgo(9) }, now)(going)).toBe(true);
    expect(listFilter({ minDaysSinceCreated: 11 }, now)(going)).toBe(false);
    const early = { ...going, ended_at: daysAgo(10) };
    for (const filter of [{ minDaysSinceEnded: 1 }, { endedBefore: daysAgo(0) }]) {
      for (const batch of [going, early]) expect(listFilter(filter, now)(batch)).toBe(false);
    }
  });

  test("holds for no time that cannot be read", () => {
    const batch = batchOf("a", { created_at: "soon", ended_at: "2026-02-30T00:00:00Z" });
    const filters: MessageBatchFilter[] = [
      { minDaysSinceCreated: 1 },
      { createdBefore: daysAgo(0) },
      { createdAfter: daysAgo(90) },
      { minDaysSinceEnded: 1 },
      { endedBefore: daysAgo(0) },
      { endedAfter: daysAgo(90) },
    ];
    for (const filter of filters) expect(listFilter(filter, now)(batch)).toBe(false);
  });
});

describe("formatTable()", () => {
  const rows = [["msgbatch_1", "ended", "100 succeeded"], ["msgbatch_22", "in_progress", ""]];
  const columns = [
    { title: "ID", cell: ([id = ""]: string[]) => id },
    { title: "STATUS", cell: ([, status = ""]: string[]) => status, leaves: 1 },
    { title: "REQUESTS", cell: ([, , text = ""]: string[]) => text, leaves: 2, least: 8 },
  ];

  test("is as wide as what is in it, and has no space at the end of a line", () => {
    expect(formatTable(rows, columns)).toBe(
      [
        "ID           STATUS       REQUESTS",
        "msgbatch_1   ended        100 succeeded",
        "msgbatch_22  in_progress",
        "",
      ].join("\n"),
    );
  });

  test("cuts what may be cut between two words, then leaves columns out, and never the first", () => {
    const line = (width: number) => formatTable(rows, columns, width).split("\n")[1];
    expect(line(39)).toBe("msgbatch_1   ended        100 succeeded");
    expect(line(38)).toBe("msgbatch_1   ended        100…");
    expect(line(34)).toBe("msgbatch_1   ended        100…");
    expect(line(33)).toBe("msgbatch_1   100 succeeded");
    expect(line(21)).toBe("msgbatch_1   100…");
    expect(line(20)).toBe("msgbatch_1");
    expect(line(1)).toBe("msgbatch_1");
  });

  test("fits every width in which the columns that stay fit", () => {
    fc.assert(fc.property(fc.integer({ min: 11, max: 60 }), (width) => {
      for (const line of formatTable(rows, columns, width).split("\n")) {
        expect(line.length).toBeLessThanOrEqual(width);
      }
    }));
  });

  test("keeps each row on its line", () => {
    const table = formatTable([["a\nb\u001b[31m", "\t", ""]], columns);
    expect(table.split("\n")).toHaveLength(3);
    expect(table).toContain("a b [31m");
  });
});

describe("listBatches()", () => {
  const list = (stage: CommandStage, options: ListBatchesOptions = {}) =>
    listBatches(stage.client, options, stage);
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
    expect(await list(stage)).toBe(exitCode.done);
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

  test("fits the table to the terminal", async () => {
    for (const columns of [20, 40, 60, 79]) {
      const stage = everyState({ columns });
      await list(stage);
      const lines = stage.written.stdout.split("\n");
      expect(lines).toHaveLength(6);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    }
  });

  test("writes JSON lines as the API gives them, while they come", async () => {
    const stage = createCommandStage({
      onResult: () => {
        perLine.push(stage.requests().length);
      },
    });
    const perLine: number[] = [];
    for (let index = 0; index < 1_001; index++) stage.sandbox.seed();
    expect(await list(stage, { json: true })).toBe(exitCode.done);
    const lines = stage.jsonLines() as { id: string }[];
    expect(lines).toHaveLength(1_001);
    for (const line of [lines[0], lines[1_000]]) {
      expect(line).toEqual(stage.sandbox.batch(line?.id ?? ""));
    }
    expect([perLine[0], perLine[999], perLine[1_000]]).toEqual([1, 1, 2]);
    expect(stage.written.stderr).toBe(`${listed}1001 batches: 1001 ended\n`);
  });

  test("lists what the conditions mean, in progress too", async () => {
    const ids = async (filter: MessageBatchFilter) => {
      const stage = everyState();
      await list(stage, { json: true, filter });
      return stage.jsonLines().map((line) => (line as { id: string }).id);
    };
    expect(await ids({ minDaysSinceCreated: 0.1 })).toEqual([2, 3, 4].map((n) => `msgbatch_${n}`));
    expect(await ids({ status: ["in_progress", "canceling"] })).toEqual([
      "msgbatch_1",
      "msgbatch_2",
    ]);
    expect(await ids({ minDaysSinceEnded: 5 })).toEqual(["msgbatch_4"]);
  });

  test("asks for no more than a limit needs, and says that there may be more", async () => {
    const stage = everyState();
    await list(stage, { json: true, limit: 2 });
    expect(stage.jsonLines()).toMatchObject([{ id: "msgbatch_1" }, { id: "msgbatch_2" }]);
    expect(stage.sandbox.requests.map(({ search }) => search)).toEqual(["?limit=2"]);
    expect(stage.written.stderr).toContain("\n           there may be older ones beyond --limit\n");
  });

  test("counts the batches that a filter means towards a limit", async () => {
    const stage = everyState();
    await list(stage, { json: true, limit: 1, filter: { status: ["ended"] } });
    expect(stage.jsonLines()).toMatchObject([{ id: "msgbatch_3" }]);
  });

  test("says that there are none, and is done", async () => {
    for (const options of [{}, { json: true }, { filter: { status: ["ended"] as const } }]) {
      const stage = createCommandStage();
      expect(await list(stage, options)).toBe(exitCode.done);
      expect(stage.written).toEqual({ stdout: "", stderr: `${listed}no batches\n` });
    }
  });

  test("writes what came before a page failed, and says that it is not all", async () => {
    for (const json of [true, false]) {
      const stage = createCommandStage();
      for (let index = 0; index < 1_001; index++) stage.sandbox.seed();
      stage.sandbox.fail({ headers: {} });
      stage.sandbox.fail({ status: 500 });
      await expect(list(stage, { json })).rejects.toMatchObject({
        exitCode: exitCode.failed,
        message: expect.stringMatching(
          /^Cannot list message batches: 500 api_error: .* \(req_\w+\)$/,
        ),
      });
      expect(stage.written.stdout.split("\n")).toHaveLength(json ? 1_001 : 1_002);
      expect(stage.written.stderr).toBe("The list breaks off after 1000 batches: 1000 ended\n");
    }
  });

  test("tells a refused key and an address that does not answer", async () => {
    const stage = createCommandStage({ sandbox: { apiKeys: ["another"] } });
    await expect(list(stage)).rejects.toMatchObject({ exitCode: exitCode.credentials });
    const lost = createCommandStage();
    lost.sandbox.fail({ connection: "lost_before" });
    await expect(list(lost)).rejects.toMatchObject({
      exitCode: exitCode.failed,
      message: expect.stringMatching(/\nThe base URL is https:\/\/api\.anthropic\.com$/),
    });
    const html = () => Promise.resolve(new Response("<html>", { status: 200 }));
    const another = createCommandStage({ client: { fetch: html } });
    const none = () => Promise.resolve(new Response("", { status: 404 }));
    for (const strange of [another, createCommandStage({ client: { fetch: none } })]) {
      await expect(list(strange)).rejects.toMatchObject({
        message: expect.stringMatching(
          /\nThe base URL is https:\/\/api\.anthropic\.com$/,
        ),
      });
    }
    expect([stage.written, lost.written]).toEqual(Array(2).fill({ stdout: "", stderr: "" }));
  });

  test("ends with what it has when it is interrupted", async () => {
    for (const json of [true, false]) {
      const stage = createCommandStage({
        client: {
          onRequest: () => {
            requests += 1;
            if (requests === 2) stage.interrupt();
          },
        },
      });
      let requests = 0;
      for (let index = 0; index < 2_001; index++) stage.sandbox.seed();
      expect(await list(stage, { json })).toBe(exitCode.interrupted);
      expect(stage.written.stdout).not.toBe("");
      expect(stage.written.stderr).toMatch(
        /^The list breaks off after \d+ batches: .*\nInterrupted\n$/,
      );
      expect(stage.sandbox.requests).toHaveLength(2);
    }
  });

  test("asks for no more where nobody reads", async () => {
    const stage = createCommandStage({
      onResult: () => {
        throw closedOutput();
      },
    });
    for (let index = 0; index < 1_001; index++) stage.sandbox.seed();
    await expect(list(stage, { json: true })).rejects.toMatchObject({ code: "EPIPE" });
    expect(stage.sandbox.requests).toHaveLength(1);
    expect(stage.written.stderr).toBe("");
  });
});
