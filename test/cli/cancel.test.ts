import { describe, expect, test } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { outcomesIn } from "../fixtures/json-lines.ts";
import { run, stdinOf } from "./in-memory.ts";
import { createStage, names } from "./runtimes.ts";

describe.each(names)("cancel on %s", { concurrent: true }, (runtime) => {
  test("cancels the ids of stdin, and waits until they have ended", async ({ expect }) => {
    await using stage = await createStage(undefined, { cancelingTime: 500 });
    const ids = [1, 2, 3].map((number) =>
      stage.sandbox.seed({ id: `msgbatch_${number}`, processing_status: "in_progress" }).id
    );
    const args = ["cancel", "--wait", "--timeout", "1m", "--json"];
    const { code, stdout, stderr } = await stage.run(runtime, args, { stdin: ids.join("\n") });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "3 message batches: 3 ended\n" });
    const outcomes = outcomesIn(stdout);
    expect(outcomes.map(({ id }) => id).sort()).toEqual(ids);
    for (const one of outcomes) {
      expect(one).toMatchObject({ outcome: "ended", batch: { processing_status: "ended" } });
    }
  });

  test("ends its wait when it is interrupted, and tells what is true", async ({ expect }) => {
    await using stage = await createStage();
    const { id } = stage.sandbox.seed({ processing_status: "in_progress" });
    const running = stage.start(runtime, ["cancel", "--wait", "--verbose", id]);
    await running.until("stderr", /^GET /m);
    running.child.kill("SIGINT");
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toMatch(
      /\nInterrupted: .*\nInterrupt again .*\ncanceling \w+ \(not waited for any longer\)\n$/,
    );
    expect(stage.sandbox.batch(id)?.processing_status).toBe("canceling");
  });
});

test("cancel says in its own words what cannot be done", async () => {
  const sandbox = createSandbox();
  for (
    const [args, message] of [
      [[], "Cannot cancel: no id is given; give ids, @FILE, or - for stdin\n"],
      [["file_1"], 'Cannot use id "file_1": it looks like a file; use --insist'],
      [["a/b"], 'Cannot use id "a/b": it is not one path segment\n'],
      [
        ["--timeout", "1m", "a"],
        "Cannot use --timeout without --wait; the time for one request is",
      ],
      [
        ["--wait", "--timeout", "0s", "a"],
        'Cannot use --timeout "0s": give a time above 0 with its unit: 500ms, 30s, 2m\n',
      ],
      [["--yes", "a"], "Unknown option '--yes'\n"],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(["cancel", ...args], {}, sandbox);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  }
  expect(sandbox.requests).toEqual([]);
});

test("cancel has nothing to do where - brings no id", async () => {
  expect(await run(["cancel", "-"], { stdin: stdinOf("") })).toEqual({
    code: 0,
    stdout: "",
    stderr: "No ids are given: nothing to cancel\n",
  });
});

test("cancel shows for how long it has waited, where stderr is a terminal", async () => {
  const sandbox = createSandbox({ cancelingTime: 1 });
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  const { code, stderr } = await run(
    ["cancel", "--wait", id],
    { terminal: { stderr: 80 } },
    sandbox,
  );
  expect(code).toBe(0);
  expect(stderr).toContain("Waiting for 1 message batch, 0s");
  expect(stderr.endsWith("\r\u001b[2K")).toBe(true);
});
