import { describe, expect, test } from "vitest";
import { deletionsAsked } from "../fixtures/deletions-asked.ts";
import { type CommandStage, createCommandStage } from "./command-stage.ts";
import { fullFor } from "./memory-files.ts";
import { systemError } from "./system-error.ts";

const remove = (stage: CommandStage, ids: readonly string[], flags: readonly string[] = []) =>
  stage.run("delete", ...flags, ...ids);

const minute = 60_000;
const slow = { cancelingTime: 60 * minute, processingTime: 60 * minute };
const cancel = ["--cancel", "--timeout", "30m"];
const wait = ["--wait", "--timeout", "30m"];
const save = ["--export", "saved"];

/** Puts a batch in place that is in progress. */
const seedGoing = ({ sandbox }: CommandStage, id = "msgbatch_1") =>
  sandbox.seed({ id, processing_status: "in_progress", requests: 3 }).id;

const deleted = (id: string) => new RegExp(`^deleted ${id} \\(receipt, req_\\w+\\)\n$`);

describe("delete with --cancel", () => {
  test("cancels a batch that has not ended, waits for it and deletes it", async () => {
    const stage = createCommandStage();
    const id = seedGoing(stage);
    expect(await remove(stage, [id], cancel)).toBe(0);
    expect(stage.written.stdout).toMatch(deleted(id));
    expect(stage.written.stderr).toBe("");
    const requests = stage.requests();
    expect(requests.slice(0, 2)).toEqual([`GET ${id}`, `POST ${id}/cancel`]);
    expect(requests.filter((request) => request === `DELETE ${id}`)).toHaveLength(1);
    expect(requests.at(-1)).toBe(`DELETE ${id}`);
  });

  test("deletes one that has ended, without canceling it and without a list", async () => {
    const stage = createCommandStage();
    const { id } = stage.sandbox.seed();
    expect(await remove(stage, [id], cancel)).toBe(0);
    expect(stage.requests()).toEqual([`GET ${id}`, `DELETE ${id}`]);
  });

  test("ends with 3 when the time is over: canceled, and not deleted", async () => {
    const stage = createCommandStage({ sandbox: slow });
    const id = seedGoing(stage);
    const { id: ended } = stage.sandbox.seed({ id: "msgbatch_2" });
    expect(await remove(stage, [id, ended], cancel)).toBe(3);
    expect(stage.written.stdout).toMatch(deleted(ended));
    expect(stage.written.stderr).toBe(
      `skipped ${id} (not ended after 30m; canceled)\n` +
        "2 message batches: 1 deleted, 1 skipped; 1 canceled and still there\n",
    );
    expect(stage.sandbox.batch(id)?.processing_status).toBe("canceling");
  });

  test("tells the same in JSON", async () => {
    const stage = createCommandStage({ sandbox: slow });
    const id = seedGoing(stage);
    expect(await remove(stage, [id], [...cancel, "--json"])).toBe(3);
    expect(stage.jsonLines()).toEqual([{
      outcome: "skipped",
      id,
      reason: "not_ended",
      canceled: true,
    }]);
  });

  test("ends with 1 where something failed besides a wait in vain", async () => {
    const stage = createCommandStage({ sandbox: slow });
    const ids = [seedGoing(stage), "msgbatch_none"];
    expect(await remove(stage, ids, cancel)).toBe(1);
  });

  test("does not wait for one after the other", async () => {
    const stage = createCommandStage();
    const ids = Array.from({ length: 10 }, (_, index) => seedGoing(stage, `msgbatch_${index}`));
    expect(await remove(stage, ids, cancel)).toBe(0);
    const requests = stage.requests();
    const firstDeletion = requests.findIndex((request) => request.startsWith("DELETE"));
    for (const id of ids) {
      const canceled = requests.indexOf(`POST ${id}/cancel`);
      expect(canceled).toBeGreaterThan(-1);
      expect(canceled).toBeLessThan(firstDeletion);
    }
    expect(stage.sandbox.size).toBe(0);
  });

  test("ends waits where the run is stopped, and says why", async () => {
    const stage = createCommandStage({ sandbox: slow });
    const ids = [seedGoing(stage), "msgbatch_b", "msgbatch_c"];
    const path = "/v1/messages/batches/msgbatch_b";
    stage.sandbox.fail({ status: 402, path });
    expect(await remove(stage, ids, [...cancel, "--json"])).toBe(1);
    const outcomes = stage.jsonLines() as { id: string; outcome: string }[];
    expect(outcomes.find(({ id }) => id === "msgbatch_1")).toEqual({
      outcome: "skipped",
      id: "msgbatch_1",
      reason: "canceled",
      canceled: true,
    });
    expect(outcomes.find(({ id }) => id === "msgbatch_b")).toMatchObject({ outcome: "failed" });
    expect(stage.sandbox.now() - Date.parse("2026-11-22T00:00:00Z")).toBeLessThan(10 * minute);
  });

  test("keeps to the limit of the API, and none fails of it", async () => {
    for (const headers of [true, false]) {
      const stage = createCommandStage({
        sandbox: { rateLimit: { perMinute: 600, burst: 5, headers } },
      });
      const ids = Array.from({ length: 60 }, (_, index) => seedGoing(stage, `msgbatch_${index}`));
      expect(await remove(stage, ids, ["--cancel", "--timeout", "24h"])).toBe(
        0,
      );
      expect(stage.written.stderr).toBe("60 message batches: 60 deleted\n");
      expect(stage.sandbox.size).toBe(0);
    }
  });

  test("says which are canceled and still there when it is interrupted", async () => {
    const stage = createCommandStage({
      sandbox: slow,
      onAnswer: (method) => method === "POST" && stage.interrupt(),
    });
    const ids = [seedGoing(stage), "msgbatch_b", "msgbatch_c"];
    expect(await remove(stage, ids, [...cancel, "--json"])).toBe(130);
    const outcomes = stage.jsonLines() as { id: string; outcome: string }[];
    expect(outcomes.map(({ id }) => id).sort()).toEqual(["msgbatch_1", "msgbatch_b", "msgbatch_c"]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject(
        outcome.id === "msgbatch_1"
          ? { outcome: "skipped", reason: "canceled", canceled: true }
          : { outcome: "unattempted", reason: "interrupted" },
      );
    }
    expect(stage.written.stderr).toContain("; 1 canceled and still there\n");
    expect(deletionsAsked(stage.sandbox)).toEqual([]);
  });

  test("says so of the only one, too", async () => {
    const stage = createCommandStage({
      onAnswer: (method) => method === "POST" && stage.interrupt(),
    });
    expect(await remove(stage, [seedGoing(stage)], cancel)).toBe(130);
    expect(stage.written.stderr).toContain("\nskipped msgbatch_1 (canceled, and still there)\n");
  });

  test("begins few where the key is refused, and leaves the rest", async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `msgbatch_${index}`);
    for (const saving of [[], save]) {
      const stage = createCommandStage({ sandbox: { apiKeys: ["another"] } });
      const code = await remove(stage, ids, [...cancel, ...saving, "--json"]);
      expect(code).toBe(4);
      expect(stage.requests().length).toBeLessThan(5);
      expect(stage.jsonLines()).toContainEqual({
        outcome: "unattempted",
        id: "msgbatch_19",
        reason: "credentials_refused",
      });
    }
  });

  test("stops waiting when the reader is gone", async () => {
    const stage = createCommandStage({
      sandbox: slow,
      onResult: () => {
        throw systemError("EPIPE");
      },
    });
    const ids = [stage.sandbox.seed().id, seedGoing(stage)];
    expect(await remove(stage, ids, cancel)).toBe(141);
    expect(stage.sandbox.now() - Date.parse("2026-11-22T00:00:00Z")).toBeLessThan(10 * minute);
    expect(stage.written.stderr).toBe(
      "2 message batches: 1 deleted, 1 skipped; 1 canceled and still there\n",
    );
  });
});

describe("delete where stdout fails", () => {
  const broken = (code: string, interrupted = false) => {
    const stage = createCommandStage({
      onResult: () => {
        if (interrupted) stage.interrupt();
        throw systemError(code);
      },
    });
    const ids = Array.from({ length: 60 }, () => stage.sandbox.seed().id);
    return { stage, ids };
  };

  test.each([true, false])("tells all that were in flight, with JSON %j", async (json) => {
    const { stage, ids } = broken("ENOSPC");
    expect(await remove(stage, ids, [...wait, ...json ? ["--json"] : []])).toBe(1);
    const deleted = ids.length - stage.sandbox.size;
    expect(deleted).toBeGreaterThan(1);
    expect(stage.written.stderr.match(/^deleted \w+ \(receipt, req_\w+\)$/gm)).toHaveLength(
      deleted,
    );
    expect(stage.written.stderr).toMatch(
      new RegExp(
        `\n60 message batches: ${deleted} deleted, ${ids.length - deleted} unattempted\n` +
          "Cannot write to stdout: the disk is full\n$",
      ),
    );
  });

  test("tells them where it is the interruption that has ended the reader", async () => {
    const { stage, ids } = broken("EPIPE", true);
    expect(await remove(stage, ids, wait)).toBe(130);
    const deleted = ids.length - stage.sandbox.size;
    expect(stage.written.stderr.match(/^deleted /gm)).toHaveLength(deleted);
    expect(stage.written.stderr).toContain(`\n60 message batches: ${deleted} deleted, `);
  });

  test("tells in one line what a reader that is gone was not told", async () => {
    const { stage, ids: [id = ""] } = broken("EPIPE");
    expect(await remove(stage, [id], wait)).toBe(141);
    expect(stage.written.stderr).toBe("1 message batch: 1 deleted\n");
  });
});

describe("delete with --wait", () => {
  test("cancels nothing, and deletes what has ended", async () => {
    const stage = createCommandStage();
    const id = seedGoing(stage);
    expect(await remove(stage, [id], wait)).toBe(0);
    expect(stage.requests().some((request) => request.startsWith("POST"))).toBe(false);
    expect(stage.requests().at(-1)).toBe(`DELETE ${id}`);
    expect(stage.written.stdout).toMatch(deleted(id));
  });

  test("ends with 3 when the time is over, and nothing is deleted", async () => {
    const stage = createCommandStage({ sandbox: slow });
    const id = seedGoing(stage);
    expect(await remove(stage, [id], wait)).toBe(3);
    expect(stage.written).toEqual({
      stdout: "",
      stderr: `skipped ${id} (not ended after 30m)\n`,
    });
    expect(stage.sandbox.batch(id)?.processing_status).toBe("in_progress");
  });

  test("takes one that is gone as the flags say", async () => {
    const stage = createCommandStage();
    expect(await remove(stage, ["msgbatch_none"], wait)).toBe(1);
    expect(stage.written.stderr).toMatch(/^failed msgbatch_none: 404 not_found_error: /);
    expect(await remove(stage, ["msgbatch_none"], [...wait, "--allow-missing"])).toBe(0);
    expect(stage.written.stdout).toBe("missing msgbatch_none\n");
  });
});

describe("delete with --export", () => {
  const linesOf = ({ files }: CommandStage, id: string) =>
    files.texts.get(`saved/${id}.jsonl`)?.trim().split("\n");

  test.each([[[]], [cancel], [wait]])(
    "stores the results before it deletes, with %j",
    async (flags) => {
      const stage = createCommandStage({
        fileFaults: (action) => {
          if (action === "keep") expect(stage.sandbox.size).toBe(1);
          return undefined;
        },
      });
      const { id } = stage.sandbox.seed({ requests: 3 });
      expect(await remove(stage, [id], [...flags, ...save])).toBe(0);
      expect(linesOf(stage, id)).toHaveLength(3);
      expect(stage.written.stdout).toMatch(/^deleted \w+ \(receipt, req_\w+, 3 results saved\)\n$/);
      expect(stage.sandbox.size).toBe(0);
    },
  );

  test.each([[cancel], [wait]])(
    "waits for the results of one in progress, with %j",
    async (flags) => {
      const stage = createCommandStage();
      const id = seedGoing(stage);
      expect(await remove(stage, [id], [...flags, ...save])).toBe(0);
      expect(linesOf(stage, id)).toHaveLength(3);
      expect(stage.sandbox.size).toBe(0);
    },
  );

  test("skips one in progress where nothing is to be waited for", async () => {
    const stage = createCommandStage();
    const id = seedGoing(stage);
    expect(await remove(stage, [id], save)).toBe(1);
    expect(stage.written.stderr).toBe(`skipped ${id} (not ended)\n`);
    expect([stage.requests(), stage.files.texts.size]).toEqual([[`GET ${id}`], 0]);
  });

  test("deletes nothing whose results could not be stored, and goes on", async () => {
    const stage = createCommandStage({ fileFaults: fullFor("msgbatch_1") });
    const { id } = stage.sandbox.seed({ id: "msgbatch_1" });
    const { id: other } = stage.sandbox.seed({ id: "msgbatch_2" });
    expect(await remove(stage, [id, other], save)).toBe(1);
    expect(stage.written.stderr).toMatch(/skipped msgbatch_1 \(export failed\): .*ENOSPC.*\n/);
    expect(deletionsAsked(stage.sandbox)).toEqual([other]);
    expect(linesOf(stage, other)).toHaveLength(1);
  });

  test("takes one that is gone as the flags say", async () => {
    for (const flags of [[], cancel]) {
      const stage = createCommandStage();
      expect(await remove(stage, ["msgbatch_none"], [...flags, ...save])).toBe(1);
      expect(stage.written.stderr).toMatch(
        /^failed msgbatch_none: 404 not_found_error: .+ \(req_\w+\)\nIf it may be gone already, say --allow-missing\n$/,
      );
      const allowing = [...flags, ...save, "--allow-missing"];
      expect(await remove(stage, ["msgbatch_none"], allowing)).toBe(0);
      expect(stage.written.stdout).toBe("missing msgbatch_none\n");
      expect(deletionsAsked(stage.sandbox)).toEqual([]);
    }
  });
});
