import { describe, expect, test } from "vitest";
import { jsonLines } from "../fixtures/json-lines.ts";
import { systemError } from "./system-error.ts";
import { type CommandStage, createCommandStage } from "./command-stage.ts";

const cancel = (stage: CommandStage, ids: readonly string[], ...flags: readonly string[]) =>
  stage.run("cancel", ...flags, ...ids);

/** Puts batches in place that are in progress. */
function seedGoing({ sandbox }: CommandStage, count = 1): string[] {
  return Array.from(
    { length: count },
    (_, index) =>
      sandbox.seed({ id: `msgbatch_${index + 1}`, processing_status: "in_progress", requests: 3 })
        .id,
  );
}

const minute = 60_000;

describe("cancel", () => {
  test("cancels with one request, and says what is being processed", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    expect(await cancel(stage, [id])).toBe(0);
    expect(stage.written).toEqual({ stdout: `canceling ${id} (3 processing)\n`, stderr: "" });
    expect(stage.requests()).toEqual([`POST ${id}/cancel`]);
    expect(stage.sandbox.batch(id)?.processing_status).toBe("canceling");
  });

  test("writes the batch as JSON", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    await cancel(stage, [id], "--json");
    const batch = stage.sandbox.batch(id);
    expect(stage.jsonLines()).toEqual([{ outcome: "canceling", id, batch }]);
  });

  test.each([400, 409, 422])("takes a batch that has ended as done, after a %i", async (status) => {
    const stage = createCommandStage();
    const { id } = stage.sandbox.seed({ requests: 2 });
    stage.sandbox.fail({ status, method: "POST" });
    expect(await cancel(stage, [id])).toBe(0);
    expect(stage.written.stdout).toBe(`ended ${id} (already; 2 succeeded)\n`);
    expect(stage.requests()).toEqual([`POST ${id}/cancel`, `GET ${id}`]);
  });

  test("says what became of one that was canceled and has ended", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    await cancel(stage, [id]);
    stage.sandbox.advance(minute);
    expect(await cancel(stage, [id])).toBe(0);
    expect(stage.written.stdout).toMatch(/\nended msgbatch_1 \(1 succeeded, 2 canceled\)\n$/);
  });

  test("gives the API's own refusal where the batch has not ended, or cannot be seen", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    stage.sandbox.fail({ status: 400, method: "POST" });
    expect(await cancel(stage, [id])).toBe(1);
    stage.sandbox.fail({ status: 400, method: "POST" });
    stage.sandbox.fail({ status: 403, method: "GET" });
    expect(await cancel(stage, [id])).toBe(1);
    expect(stage.written.stdout).toBe("");
    expect(stage.written.stderr).toMatch(
      /^(failed msgbatch_1: 400 invalid_request_error: .* \(req_\w+\)\n){2}$/,
    );
  });

  test("fails for one that is not there, unless that is no failure", async () => {
    const stage = createCommandStage();
    expect(await cancel(stage, ["msgbatch_none"])).toBe(1);
    expect(stage.written.stderr).toMatch(
      /^failed msgbatch_none: 404 not_found_error: .* \(req_\w+\)\nIf it may be gone already, say --allow-missing\n$/,
    );
    expect(await cancel(stage, ["msgbatch_none"], "--allow-missing")).toBe(0);
    expect(stage.written.stdout).toBe("missing msgbatch_none\n");
  });

  test("believes that one is missing after three looks, and cancels one that a look finds", async () => {
    for (const looks of [0, 1, 2]) {
      const stage = createCommandStage();
      const [id = ""] = seedGoing(stage);
      stage.sandbox.fail({ status: 404, method: "POST" });
      if (looks > 0) stage.sandbox.fail({ status: 404, method: "GET", times: looks });
      expect(await cancel(stage, [id], "--allow-missing")).toBe(0);
      expect(stage.sandbox.batch(id)?.processing_status).toBe("canceling");
    }
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    stage.sandbox.fail({ status: 404, method: "POST", times: 2 });
    expect(await cancel(stage, [id], "--allow-missing")).toBe(1);
    stage.sandbox.fail({ status: 404, method: "POST" });
    stage.sandbox.fail({ status: 403, method: "GET" });
    expect(await cancel(stage, [id], "--allow-missing")).toBe(1);
  });

  test("knows a cancellation whose answer was lost", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    stage.sandbox.fail({ connection: "lost_after" });
    expect(await cancel(stage, [id], "--max-retries", "1")).toBe(0);
    expect(stage.requests()).toHaveLength(2);
  });

  test("sends one request where the key is refused, and leaves the rest", async () => {
    const stage = createCommandStage({ sandbox: { apiKeys: ["another"] } });
    expect(await cancel(stage, ["msgbatch_a", "msgbatch_b", "msgbatch_c"])).toBe(
      4,
    );
    expect(stage.requests()).toHaveLength(1);
    expect(stage.written.stderr).toMatch(
      /^failed msgbatch_a: 401 .*\nStopped: the API refused the credentials\. 2 are left\nCheck the key.*\n3 message batches: 1 failed, 2 unattempted\n$/,
    );
  });

  test("goes on after the failure of one, and tells all in JSON", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    expect(await cancel(stage, ["msgbatch_none", id], "--json")).toBe(1);
    expect(stage.jsonLines()).toMatchObject([
      { outcome: "failed", id: "msgbatch_none", error: { code: "ERR_NOT_FOUND", status: 404 } },
      { outcome: "canceling", id },
    ]);
    expect(stage.written.stderr).toBe("2 message batches: 1 canceling, 1 failed\n");
  });

  test("names the address that does not answer", async () => {
    const stage = createCommandStage();
    stage.sandbox.fail({ connection: "lost_before" });
    expect(await cancel(stage, ["msgbatch_a"])).toBe(1);
    expect(stage.written.stderr).toMatch(
      /^failed msgbatch_a: no connection.*\nThe base URL is https:\/\/api\.anthropic\.com\n$/,
    );
  });
});

describe("cancel of many", () => {
  test("keeps to the limit of the API, and none fails of it", async () => {
    const rateLimit = { perMinute: 600, burst: 5, headers: false };
    const stage = createCommandStage({ sandbox: { rateLimit } });
    const ids = seedGoing(stage, 100);
    expect(await cancel(stage, ids, "--json")).toBe(0);
    expect(stage.jsonLines()).toHaveLength(100);
    expect(stage.written.stderr).toBe("100 message batches: 100 canceling\n");
  });
});

describe("cancel with a wait", () => {
  test("waits until the batch has ended", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    expect(await cancel(stage, [id], "--wait", "--timeout", "1m")).toBe(0);
    expect(stage.written.stdout).toBe(`ended ${id} (1 succeeded, 2 canceled)\n`);
  });

  test("waits for many at a time", async () => {
    const stage = createCommandStage();
    const ids = seedGoing(stage, 40);
    expect(await cancel(stage, ids, "--wait", "--timeout", "1m", "--json")).toBe(0);
    const requests = stage.requests();
    const twice = requests.findIndex((request, index) => requests.indexOf(request) < index);
    for (const id of ids) {
      const canceled = requests.indexOf(`POST ${id}/cancel`);
      expect(canceled).toBeGreaterThan(-1);
      expect(canceled).toBeLessThan(twice);
    }
    expect(stage.jsonLines()).toHaveLength(40);
    for (const line of stage.jsonLines()) expect(line).toMatchObject({ outcome: "ended" });
  });

  test("ends with 3 when the time is over, and says that it is canceled", async () => {
    const stage = createCommandStage({ sandbox: { cancelingTime: 60 * minute } });
    const [id = ""] = seedGoing(stage);
    const { id: ended } = stage.sandbox.seed();
    expect(await cancel(stage, [id, ended], "--wait", "--timeout", "30m")).toBe(
      3,
    );
    expect(stage.written).toEqual({
      stdout: `ended ${ended} (already; 1 succeeded)\n`,
      stderr: `canceling ${id} (not ended after 30m)\n2 message batches: 1 canceling, 1 ended\n`,
    });
    expect(await cancel(stage, [id, "msgbatch_none"], "--wait", "--timeout", "1m")).toBe(1);
  });

  test("tells a wait that failed, and one whose batch went meanwhile", async () => {
    for (const allowMissing of [false, true]) {
      const stage = createCommandStage();
      const [id = ""] = seedGoing(stage);
      stage.sandbox.fail({ status: 404, method: "GET", times: 3 });
      const code = await cancel(
        stage,
        [id],
        ...["--wait", "--timeout", "1m", "--json"],
        ...allowMissing ? ["--allow-missing"] : [],
      );
      expect(code).toBe(allowMissing ? 0 : 1);
      expect(stage.jsonLines()).toMatchObject([{ outcome: allowMissing ? "missing" : "failed" }]);
    }
  });

  test("ends the wait when it is interrupted, and tells what is true", async () => {
    const stage = createCommandStage({
      sandbox: { cancelingTime: 60 * minute },
      onAnswer: (method) => method === "GET" && stage.interrupt(),
    });
    const [id = ""] = seedGoing(stage);
    const code = await cancel(stage, [id], "--wait", "--timeout", "90m", "--json");
    expect(code).toBe(130);
    expect(stage.jsonLines()).toMatchObject([
      { outcome: "canceling", id, waitEnded: "interrupted" },
    ]);
    expect(stage.requests()).toEqual([`POST ${id}/cancel`, `GET ${id}`]);
  });

  test("begins nothing after an interruption, and finishes what is in flight", async () => {
    const stage = createCommandStage({ onAnswer: () => stage.interrupt() });
    const ids = seedGoing(stage, 3);
    expect(await cancel(stage, ids, "--json")).toBe(130);
    const outcomes = stage.jsonLines().map((line) => JSON.stringify(line)).sort();
    expect(outcomes).toEqual([
      expect.stringContaining('{"outcome":"canceling","id":"msgbatch_1",'),
      '{"outcome":"unattempted","id":"msgbatch_2","reason":"interrupted"}',
      '{"outcome":"unattempted","id":"msgbatch_3","reason":"interrupted"}',
    ]);
    expect(stage.requests()).toHaveLength(1);
  });

  test("does not say that nothing was done where an answer was lost before the interruption", async () => {
    const stage = createCommandStage({ onAnswer: () => stage.interrupt() });
    const [id = ""] = seedGoing(stage);
    stage.sandbox.fail({ connection: "lost_after" });
    const flags = ["--max-retries", "2", "--json", "--audit", "a"];
    expect(await cancel(stage, [id], ...flags)).toBe(130);
    expect(stage.jsonLines()).toMatchObject([{
      outcome: "failed",
      error: { code: "ERR_ABORTED" },
    }]);
    expect(jsonLines(stage.files.texts.get("a") ?? "")).toMatchObject([{ phase: "intent" }, {
      operation: "cancel",
      outcome: "failed",
      error: { outcomeKnown: false },
    }]);
    expect(stage.requests()).toHaveLength(1);
  });

  test("stops waiting when the reader is gone", async () => {
    const stage = createCommandStage({
      sandbox: { cancelingTime: 60 * minute },
      onResult: () => {
        throw systemError("EPIPE");
      },
    });
    const ids = [stage.sandbox.seed().id, ...seedGoing(stage, 2)];
    await cancel(stage, ids, "--wait", "--timeout", "90m");
    expect(stage.written.stderr).toBe("3 message batches: 2 canceling, 1 ended\n");
    expect(stage.sandbox.now() - Date.parse("2026-11-22T00:00:00Z")).toBeLessThan(30 * minute);
  });
});

describe("cancel where stdout fails", () => {
  test.each([true, false])("tells all that were in flight, with JSON %j", async (json) => {
    const stage = createCommandStage({
      onResult: () => {
        results += 1;
        if (results > 1) throw systemError("ENOSPC");
      },
    });
    let results = 0;
    const ids = seedGoing(stage, 60);
    expect(await cancel(stage, ids, ...json ? ["--json"] : [])).toBe(1);
    const canceled = stage.requests().length;
    expect(canceled).toBeGreaterThan(1);
    expect(stage.written.stderr.match(/^canceling \w+ \(3 processing\)$/gm)).toHaveLength(
      canceled - 1, // the first was told on stdout
    );
    expect(stage.written.stderr).toMatch(
      new RegExp(
        `\n60 message batches: ${canceled} canceling, ${60 - canceled} unattempted\n` +
          "Cannot write to stdout: the disk is full\n$",
      ),
    );
  });
});
