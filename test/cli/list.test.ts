import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { run } from "./in-memory.ts";
import { createStage, jsonLines, names } from "./runtimes.ts";

describe.each(names)("list on %s", { concurrent: true }, (runtime) => {
  test("lists what a filter means, and sends no secret anywhere", async ({ expect }) => {
    await using stage = await createStage();
    const { id } = stage.sandbox.seed({ created_at: "2026-01-01T00:00:00Z" });
    stage.sandbox.seed();
    const { code, stdout, stderr } = await stage.run(runtime, ["list", "--older-than", "1d"]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      "ID                                 STATUS  CREATED (UTC)     ENDED (UTC)       REQUESTS\n" +
        `${id}  ended   2026-01-01 00:00  2026-01-01 00:01  1 succeeded; archived\n`,
    );
    expect(stderr).toMatch(/^Workspace {2}wrkspc_\w+\nListed {5}1 batch: 1 ended\n$/);
    expect(stage.requests()).toEqual(["GET /v1/messages/batches"]);
  });

  test("stops without a word when the reader of its results is gone", async ({ expect }) => {
    await using stage = await createStage();
    // More than a pipe holds.
    for (let index = 0; index < 3_000; index++) stage.sandbox.seed();
    const running = stage.start(runtime, ["list", "--json"]);
    await running.until("stdout", /\n/);
    await running.stopReading();
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 141, stderr: "" });
    expect(jsonLines(stdout.slice(0, stdout.indexOf("\n")))).toMatchObject([{
      type: "message_batch",
    }]);
    expect(stage.sandbox.requests.length).toBeLessThan(4);
  });
});

test("list takes conditions as often as they are given, and no others", async () => {
  const sandbox = createSandbox();
  sandbox.seed();
  sandbox.seed({ id: "msgbatch_1", processing_status: "canceling" });
  sandbox.seed({ id: "msgbatch_2", processing_status: "in_progress" });
  const args = ["list", "--json", "--status", "canceling", "--status", "in_progress"];
  const { stdout } = await run(args, {}, sandbox);
  expect(jsonLines(stdout)).toMatchObject([{ id: "msgbatch_2" }, { id: "msgbatch_1" }]);
  for (
    const [args, message] of [
      [["--max", "1"], /^Unknown option '--max'/],
      [["--all"], /^Unknown option '--all'/],
      [["--limit", "0"], /^Cannot use --limit "0": give a whole number/],
      [["--older-than", "7"], /^Cannot use --older-than "7": give a number above 0 with its unit/],
      [["msgbatch_1"], /^Too many arguments for 'list'/],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(["list", ...args], {}, sandbox);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  }
  expect(sandbox.requests).toHaveLength(1);
});

test("list needs credentials, and tells the address of a network that is not there", async () => {
  expect(await run(["list"], { env: () => undefined })).toMatchObject({ code: 4, stdout: "" });
  const fetch = () => Promise.reject(new TypeError("fetch failed"));
  const { code, stderr } = await run(["list", "--max-retries", "0"], { fetch });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^Cannot list message batches: no connection.*\nThe base URL is /,
  );
});

test("list lists nothing by age where its clock is wrong, for its ids may be deleted", async () => {
  const now = Date.parse("2026-11-22T00:00:00Z");
  const clockAt = (time: () => number) => ({
    now: time,
    random: () => 0,
    sleep: () => Promise.resolve(),
  });
  const sandbox = createSandbox({ now: () => now });
  sandbox.seed({ age: "2d" });
  for (const filter of [["--older-than", "7d"], ["--ended-for", "7d"]]) {
    for (const wrong of [301_000, -301_000, 10 * 86_400_000]) {
      const args = ["list", "--json", ...filter];
      const clock = clockAt(() => now + wrong);
      const { code, stdout, stderr } = await run(args, { clock }, sandbox);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(
        /^Cannot list by age: the clock of this machine is \d+ s (ahead|behind)/,
      );
      const skewed = await run(
        [...args, "--clock-skew", "20d"],
        { clock },
        sandbox,
      );
      expect(skewed.code).toBe(0);
    }
    // It is set back when the list is asked for.
    sandbox.clearRequests();
    const clock = clockAt(() => now + (sandbox.requests.length > 0 ? 0 : 10 * 86_400_000));
    expect((await run(["list", "--json", ...filter], { clock }, sandbox)).stdout).toBe("");
  }
  const clock = clockAt(() => now + 10 * 86_400_000);
  expect((await run(["list", "--status", "ended"], { clock }, sandbox)).code).toBe(0);
});
