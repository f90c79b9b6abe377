/**
 * What every command does that is interrupted when nothing is left to begin: what is in flight comes to
 * its end, is told as what it is, and the exit code says that the command was interrupted.
 *
 * @module
 */
import { describe, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { daysAgoIn } from "../fixtures/seed-batches.ts";
import { main } from "../../src/cli/mod.ts";
import { byCron, environment, type HostChange, key, run } from "./in-memory.ts";
import { createInterruptingStage } from "./interrupting-stage.ts";
import { createMemoryFiles } from "./memory-files.ts";
import { createMemoryHost, failingOutput } from "./memory-host.ts";
import { names } from "./runtimes.ts";

const id = "msgbatch_1";
const policy = JSON.stringify({
  version: 1,
  rules: [{ type: "delete_after", days: 7, since: "created" }],
  holds: [],
});

/** A host whose user interrupts the command while its first request of a method is in flight. */
function interrupting(method: string, sandbox: Sandbox): HostChange {
  const interruption = new AbortController();
  return {
    ...byCron,
    signal: interruption.signal,
    files: createMemoryFiles({ policy }),
    fetch: async (url, init) => {
      if (init.method === method) interruption.abort();
      return await sandbox.fetch(url, init);
    },
  };
}

describe("interrupted with nothing left to begin", () => {
  test.each([
    ["delete", id, "DELETE", /^deleted msgbatch_1 \(/, /^Interrupted: .*\nInterrupt again .*\n$/],
    [
      "delete",
      `--wait ${id}`,
      "DELETE",
      /^deleted msgbatch_1 \(/,
      /^Interrupted: .*\nInterrupt again .*\n$/,
    ],
    [
      "delete",
      `--cancel --export r ${id}`,
      "DELETE",
      /^deleted /,
      /^Interrupted: .*\nInterrupt again .*\n$/,
    ],
    ["purge", "--all --yes", "DELETE", /^deleted /, /\n1 message batch: 1 deleted\n$/],
    [
      "purge",
      "--all --yes --audit a",
      "DELETE",
      /^deleted /,
      /\nRecorded in a\n {2}Head .*\n$/,
    ],
    ["purge", "--all --yes --json", "DELETE", /"hasMore":false}}\n$/, /: 1 deleted\n$/],
    ["retain", "--policy policy --yes", "DELETE", /^deleted /, /: 1 deleted\n$/],
    [
      "cancel",
      "msgbatch_2",
      "POST",
      /^canceling msgbatch_2 \(/,
      /^Interrupted: .*\nInterrupt again .*\n$/,
    ],
  ])("%s %s tells what is true, and ends with 130", async (command, flags, method, out, err) => {
    const sandbox = createSandbox();
    sandbox.seed({ id, created_at: daysAgoIn(sandbox, 20) });
    if (command === "cancel") sandbox.seed({ id: "msgbatch_2", processing_status: "in_progress" });
    const args = [command, ...flags.split(" ")];
    const { code, stdout, stderr } = await run(args, interrupting(method, sandbox));
    expect({ code, stdout, stderr }).toEqual({
      code: 130,
      stdout: expect.stringMatching(out),
      stderr: expect.stringMatching(err),
    });
    expect(sandbox.batch(id)).toEqual(method === "DELETE" ? undefined : expect.anything());
  });

  test.each([
    [["list"], /msgbatch_1/, /^Listed {5}1 batch: 1 ended\nInterrupted\n$/m],
    [["list", "--json"], /"id":"msgbatch_1"/, /^Listed {5}1 batch: 1 ended\nInterrupted\n$/m],
    [["purge", "--all", "--dry-run"], /^would delete /, /\nDry run: nothing was deleted\n$/],
    [["purge", "--older-than", "90d", "--yes"], /^$/, /^Nothing to delete: 0 of 1 message b/],
  ])("%j tells what it has, and ends with 130", async (args, out, err) => {
    const sandbox = createSandbox();
    sandbox.seed({ id, created_at: daysAgoIn(sandbox, 20) });
    const interruption = new AbortController();
    const change = {
      env: environment({ ANTHROPIC_API_KEY: key }),
      fetch: sandbox.fetch,
      signal: interruption.signal,
    };
    const { host, written } = createMemoryHost(change, { onWrite: () => interruption.abort() });
    expect(await main(args, host)).toBe(130);
    expect(written).toEqual({
      stdout: expect.stringMatching(out),
      stderr: expect.stringMatching(err),
    });
    expect(sandbox.size).toBe(1);
  });

  test("tells it on stderr where the reader of stdout was ended, too", async () => {
    for (const args of [["delete", id], ["delete", "--wait", id], ["purge", "--all", "--yes"]]) {
      const sandbox = createSandbox();
      sandbox.seed({ id });
      const change = { ...interrupting("DELETE", sandbox), stdout: failingOutput("EPIPE") };
      const { code, stderr } = await run(args, change);
      expect([code, sandbox.size], args.join(" ")).toEqual([130, 0]);
      expect(stderr).toMatch(/^deleted msgbatch_1 \(receipt/m);
    }
  });
});

describe.each(names)("interrupted on %s", { concurrent: true }, (runtime) => {
  test.for(["SIGTERM", "SIGHUP"] as const)(
    "deletes what is in flight after a %s, and ends with 130",
    async (signal, { expect }) => {
      await using stage = await createInterruptingStage();
      stage.sandbox.seed({ id });
      const { code, stdout } = await stage.interrupt(runtime, ["delete", id], { signal });
      expect([code, stdout]).toEqual([130, expect.stringMatching(/^deleted msgbatch_1 \(receipt/)]);
    },
  );
});
