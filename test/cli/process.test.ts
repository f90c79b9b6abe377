import { execFileSync } from "node:child_process";
import { constants } from "node:fs";
import { type FileHandle, open, readFile, writeFile } from "node:fs/promises";
import { describe } from "vitest";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { createInterruptingStage } from "./interrupting-stage.ts";
import { createGate, createStage, names, runtimes, start } from "./runtimes.ts";

/** Opens a pipe to write to it, as soon as somebody reads it. */
async function onceRead(pipe: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe.each(names)("the process on %s", { concurrent: true }, (runtime) => {
  test("finishes what is in flight when it is interrupted", async ({ expect }) => {
    await using stage = await createInterruptingStage();
    const { id } = stage.sandbox.seed();
    const args = ["delete", "--json", id, "msgbatch_b", "msgbatch_c"];
    const { code, stdout } = await stage.interrupt(runtime, args);
    expect(code).toBe(130);
    expect(stdout.match(/"outcome":"\w+"|"reason":"\w+"/g)).toEqual([
      '"outcome":"deleted"',
      ...Array(2).fill(['"outcome":"unattempted"', '"reason":"interrupted"']).flat(),
    ]);
    expect(stage.sandbox.requests).toHaveLength(1);
  });

  test("is ended by a signal while it waits for a pipe", async ({ expect, directory, at }) => {
    const pipe = at("pipe");
    execFileSync("mkfifo", [pipe]);
    await using stage = await createStage();
    const purge = ["purge", "--plan", pipe, "--yes", "--verbose"];
    for (const args of [purge, ["audit", "verify", pipe]]) {
      const running = stage.start(runtime, args, { directory });
      const writer = await onceRead(pipe);
      running.child.kill("SIGTERM");
      const { code, stderr } = await running.ended;
      await writer.close();
      expect([code, stderr]).toEqual([130, expect.stringMatching(/^Interrupted: nothing was /)]);
    }
    const args = ["purge", "--all", "--yes", "--audit", pipe];
    const { code, stderr } = await stage.run(runtime, args, { directory });
    expect([code, stderr]).toEqual([2, `Cannot open ${pipe}: it is no regular file\n`]);
  });

  test("reads a plan from a pipe", async ({ expect, directory, at }) => {
    const [pipe, plan] = [at("pipe"), at("plan")];
    execFileSync("mkfifo", [pipe]);
    await using stage = await createStage();
    stage.sandbox.seed({ processing_status: "ended" });
    const made = await stage.run(runtime, ["purge", "--all", "--plan-out", plan], { directory });
    expect(made).toMatchObject({ code: 0 });
    const running = stage.start(runtime, ["purge", "--plan", pipe, "--yes"], { directory });
    await writeFile(pipe, await readFile(plan));
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(stage.sandbox.size).toBe(0);
  });

  test("stops, and says what it did, when the reader is gone", async ({ expect }) => {
    const read = createGate();
    let answered = 0;
    await using stage = await createStage(async (request, next) => {
      if (answered++ > 0) await read.passed;
      return await next(request);
    });
    const ids = Array.from({ length: 60 }, () => stage.sandbox.seed().id);
    const running = stage.start(runtime, ["delete", ...ids]);
    await running.until("stdout", /\n/);
    await running.stopReading();
    read.open();
    const { code, stderr } = await running.ended;
    const left = stage.sandbox.size;
    expect(left).toBeGreaterThan(0);
    expect({ code, stderr }).toEqual({
      code: 141,
      stderr: `60 message batches: ${60 - left} deleted, ${left} unattempted\n`,
    });
  });

  test("serves the sandbox until it is interrupted", async ({ expect }) => {
    const command = runtimes[runtime](runtime === "Deno" ? "127.0.0.1:0" : undefined);
    const running = start([...command, "sandbox", "--port", "0", "--json"]);
    const [line] = await running.until("stdout", /.*\n/);
    const { url, batches } = JSON.parse(line);
    const ended = batches.filter((batch: { processing_status: string }) =>
      batch.processing_status === "ended"
    );
    expect([batches.length, ended.length]).toEqual([5, 3]);
    const { id } = ended[0];
    const answer = await fetch(`${url}/v1/messages/batches/${id}`, {
      method: "DELETE",
      headers: { "x-api-key": "any", "anthropic-version": "2023-06-01" },
    });
    expect(await answer.json()).toEqual({ id, type: "message_batch_deleted" });
    running.child.kill("SIGINT");
    expect(await running.ended).toEqual({ code: 0, stdout: line, stderr: "" });
  });

  test("shows command lines that work where the sandbox listens", async ({ expect }) => {
    const command = runtimes[runtime](runtime === "Deno" ? "127.0.0.1:0" : undefined);
    const running = start([...command, "sandbox", "--port", "0"]);
    const [, shown = ""] = await running.until(
      "stdout",
      /any key:\n((?: {2}.*\n)+)[^]*stops it\n$/,
    );
    const [environment, , deletion = ""] = shown.replace(/ \\\n +/g, " ").trim().split("\n");
    const { stdout } = await start(["sh", "-c", `${environment}\n${deletion}`]).ended;
    const [, id] = / delete (\S+)$/.exec(deletion) ?? [];
    expect(stdout).toContain(`deleted ${id} (receipt`);
    running.child.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });
});
