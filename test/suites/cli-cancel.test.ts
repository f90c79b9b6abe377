import { describe, expect, test } from "vitest";
import { type ByIdSettings, workOnIds } from "../../src/cli/by-id.ts";
import { exitCode } from "../../src/cli/errors.ts";
import { systemError } from "../cli/system-error.ts";
import { closedOutput, type CommandStage, createCommandStage } from "../fixtures/command-stage.ts";

const cancel = (
  stage: CommandStage,
  ids: readonly string[],
  options: ByIdSettings = {},
) => workOnIds(stage.client, "cancel", ids, options, stage);

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

describe("workOnIds() to cancel", () => {
  test("cancels with one request, and says what is being processed", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    expect(await cancel(stage, [id])).toBe(exitCode.done);
    expect(stage.written).toEqual({ stdout: `canceling ${id} (3 processing)\n`, stderr: "" });
    expect(stage.requests()).toEqual([`POST ${id}/cancel`]);
    expect(stage.sandbox.batch(id)?.processing_status).toBe("canceling");
  });

  test("writes the batch as JSON", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    await cancel(stage, [id], { json: true });
    const batch = stage.sandbox.batch(id);
    expect(stage.jsonLines()).toEqual([{ outcome: "canceling", id, batch }]);
  });

  test.each([400, 409, 422])("takes a batch that has ended as done, after a %i", async (status) => {
    const stage = createCommandStage();
    const { id } = stage.sandbox.seed({ requests: 2 });
    stage.sandbox.fail({ status, method: "POST" });
    expect(await cancel(stage, [id])).toBe(exitCode.done);
    expect(stage.written.stdout).toBe(`ended ${id} (already; 2 succeeded)\n`);
    expect(stage.requests()).toEqual([`POST ${id}/cancel`, `GET ${id}`]);
  });

  test("says what became of one that was canceled and has ended", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    await cancel(stage, [id]);
    stage.sandbox.advance(minute);
    expect(await cancel(stage, [id])).toBe(exitCode.done);
    expect(stage.written.stdout).toMatch(/\nended msgbatch_1 \(1 succeeded, 2 canceled\)\n$/);
  });

  test("gives the API's own refusal where the batch has not ended, or cannot be seen", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    stage.sandbox.fail({ status: 400, method: "POST" });
    expect(await cancel(stage, [id])).toBe(exitCode.failed);
    stage.sandbox.fail({ status: 400, method: "POST" });
    stage.sandbox.fail({ status: 403, method: "GET" });
    expect(await cancel(stage, [id])).toBe(exitCode.failed);
    expect(stage.written.stdout).toBe("");
    expect(stage.written.stderr).toMatch(
      /^(failed msgbatch_1: 400 invalid_request_error: .* \(req_\w+\)\n){2}$/,
    );
  });

  test("fails for one that is not there, unless that is no failure", async () => {
    const stage = createCommandStage();
    expect(await cancel(stage, ["gone"])).toBe(exitCode.failed);
    expect(stage.written.stderr).toMatch(/^failed gone: 404 not_found_error: .* \(req_\w+\)\n$/);
    expect(await cancel(stage, ["gone"], { allowMissing: true })).toBe(exitCode.done);
    expect(stage.written.stdout).toBe("missing gone\n");
  });

  test("knows a cancellation whose answer was lost", async () => {
    const stage = createCommandStage({ client: { maxRetries: 1 } });
    const [id = ""] = seedGoing(stage);
    stage.sandbox.fail({ connection: "lost_after" });
    expect(await cancel(stage, [id])).toBe(exitCode.done);
    expect(stage.requests()).toHaveLength(2);
  });

  test("sends one request where the key is refused, and leaves the rest", async () => {
    const stage = createCommandStage({ sandbox: { apiKeys: ["another"] } });
    expect(await cancel(stage, ["a", "b", "c"])).toBe(
      exitCode.credentials,
    );
    expect(stage.requests()).toHaveLength(1);
    expect(stage.written.stderr).toMatch(
      /^failed a: 401 .*\nStopped: the API refused the credentials\. 2 are left\nCheck the key.*\n3 message batches: 1 failed, 2 unattempted\n$/,
    );
  });

  test("goes on after the failure of one, and tells all in JSON", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    expect(await cancel(stage, ["gone", id], { json: true })).toBe(exitCode.failed);
    expect(stage.jsonLines()).toMatchObject([
      { outcome: "failed", id: "gone", error: { code: "ERR_NOT_FOUND", status: 404 } },
      { outcome: "canceling", id },
    ]);
    expect(stage.written.stderr).toBe("2 message batches: 1 canceling, 1 failed\n");
  });

  test("names the address that does not answer", async () => {
    const stage = createCommandStage();
    stage.sandbox.fail({ connection: "lost_before" });
    expect(await cancel(stage, ["a"])).toBe(exitCode.failed);
    expect(stage.written.stderr).toMatch(
      /^failed a: no connection.*\nThe base URL is https:\/\/api\.anthropic\.com\n$/,
    );
  });
});

describe("workOnIds() to cancel of many", () => {
  test("keeps to the limit of the API, and none fails of it", async () => {
    const rateLimit = { perMinute: 600, burst: 5, headers: false };
    const stage = createCommandStage({ sandbox: { rateLimit } });
    const ids = seedGoing(stage, 100);
    expect(await cancel(stage, ids, { json: true })).toBe(exitCode.done);
    expect(stage.jsonLines()).toHaveLength(100);
    expect(stage.written.stderr).toBe("100 message batches: 100 canceling\n");
  });

  test("throws what its own secret fails with, after all outcomes", async () => {
    const own = new Error("The vault is closed");
    const stage = createCommandStage({ client: { apiKey: () => Promise.reject(own) } });
    await expect(cancel(stage, ["a", "b"], { json: true })).rejects.toBe(own);
    expect(stage.jsonLines()).toMatchObject([
      { outcome: "failed", id: "a", error: { code: "ERR_CALLER" } },
      { outcome: "unattempted", id: "b", reason: "caller_failed" },
    ]);
  });
});

describe("workOnIds() to cancel with a wait", () => {
  test("waits until the batch has ended", async () => {
    const stage = createCommandStage();
    const [id = ""] = seedGoing(stage);
    expect(await cancel(stage, [id], { waitTimeout: minute })).toBe(exitCode.done);
    expect(stage.written.stdout).toBe(`ended ${id} (1 succeeded, 2 canceled)\n`);
  });

  test("waits for many at a time", async () => {
    const stage = createCommandStage();
    const ids = seedGoing(stage, 40);
    expect(await cancel(stage, ids, { waitTimeout: minute, json: true })).toBe(exitCode.done);
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

  test("ends with 3 when the time is over, and says that it is canceled all the same", async () => {
    const stage = createCommandStage({ sandbox: { cancelingTime: 60 * minute } });
    const [id = ""] = seedGoing(stage);
    const { id: ended } = stage.sandbox.seed();
    expect(await cancel(stage, [id, ended], { waitTimeout: 30 * minute })).toBe(
      exitCode.waitTimedOut,
    );
    expect(stage.written).toEqual({
      stdout: `ended ${ended} (already; 1 succeeded)\n`,
      stderr: `canceling ${id} (not ended after 30m)\n2 message batches: 1 canceling, 1 ended\n`,
    });
    expect(await cancel(stage, [id, "gone"], { waitTimeout: minute })).toBe(exitCode.failed);
  });

  test("tells a wait that failed, and one whose batch went meanwhile", async () => {
    for (const allowMissing of [false, true]) {
      const stage = createCommandStage();
      const [id = ""] = seedGoing(stage);
      stage.sandbox.fail({ status: 404, method: "GET", times: 3 });
      const code = await cancel(stage, [id], { waitTimeout: minute, allowMissing, json: true });
      expect(code).toBe(allowMissing ? exitCode.done : exitCode.failed);
      expect(stage.jsonLines()).toMatchObject([{ outcome: allowMissing ? "missing" : "failed" }]);
    }
  });

  test("ends the wait when it is interrupted, and tells what is true", async () => {
    const stage = createCommandStage({
      sandbox: { cancelingTime: 60 * minute },
      client: {
        onRequest: ({ method }) => {
          if (method === "GET") stage.interrupt();
        },
      },
    });
    const [id = ""] = seedGoing(stage);
    const code = await cancel(stage, [id], { waitTimeout: 90 * minute, json: true });
    expect(code).toBe(exitCode.interrupted);
    expect(stage.jsonLines()).toMatchObject([
      { outcome: "canceling", id, waitEnded: "interrupted" },
    ]);
    expect(stage.requests()).toEqual([`POST ${id}/cancel`, `GET ${id}`]);
  });

  test("begins nothing after an interruption, and finishes what is in flight", async () => {
    const stage = createCommandStage({ client: { onRequest: () => stage.interrupt() } });
    const ids = seedGoing(stage, 3);
    expect(await cancel(stage, ids, { json: true })).toBe(exitCode.interrupted);
    const outcomes = stage.jsonLines().map((line) => JSON.stringify(line)).sort();
    expect(outcomes).toEqual([
      expect.stringContaining('{"outcome":"canceling","id":"msgbatch_1",'),
      '{"outcome":"unattempted","id":"msgbatch_2","reason":"interrupted"}',
      '{"outcome":"unattempted","id":"msgbatch_3","reason":"interrupted"}',
    ]);
    expect(stage.requests()).toHaveLength(1);
  });

  test("does not say that nothing was done where an answer was lost before the interruption", async () => {
    const stage = createCommandStage({
      client: { maxRetries: 2, onRequest: () => stage.interrupt() },
    });
    const [id = ""] = seedGoing(stage);
    stage.sandbox.fail({ connection: "lost_after" });
    expect(await cancel(stage, [id], { json: true })).toBe(exitCode.interrupted);
    expect(stage.jsonLines()).toMatchObject([{
      outcome: "failed",
      error: { code: "ERR_ABORTED" },
    }]);
    expect(stage.requests()).toHaveLength(1);
  });

  test("waits no longer where nobody reads", async () => {
    const stage = createCommandStage({
      sandbox: { cancelingTime: 60 * minute },
      onResult: () => {
        throw closedOutput();
      },
    });
    const ids = [stage.sandbox.seed().id, ...seedGoing(stage, 2)];
    await cancel(stage, ids, { waitTimeout: 90 * minute });
    expect(stage.written.stderr).toBe("3 message batches: 2 canceling, 1 ended\n");
    expect(stage.sandbox.now() - Date.parse("2026-11-22T00:00:00Z")).toBeLessThan(30 * minute);
  });
});

describe("workOnIds() to cancel where stdout fails", () => {
  test.each([true, false])("tells all that were in flight, with JSON %j", async (json) => {
    const stage = createCommandStage({
      onResult: () => {
        results += 1;
        if (results > 1) throw systemError("ENOSPC");
      },
    });
    let results = 0;
    const ids = seedGoing(stage, 60);
    expect(await cancel(stage, ids, { json })).toBe(exitCode.failed);
    await expect(stage.output.flush()).rejects.toThrow("Cannot write to stdout: the disk is full");
    const canceled = stage.requests().length;
    expect(canceled).toBeGreaterThan(1);
    expect(stage.written.stderr.match(/^canceling \w+ \(3 processing\)$/gm)).toHaveLength(
      canceled - 1, // the first was told on stdout
    );
    expect(stage.written.stderr).toMatch(
      new RegExp(
        `\n60 message batches: ${canceled} canceling, ${60 - canceled} unattempted\n$`,
      ),
    );
  });
});
