import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { seedBatches } from "../fixtures/seed-batches.ts";
import { environment, type HostChange, run } from "./in-memory.ts";
import { lastScreen } from "./screen.ts";

const toFake = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] as const;
beforeEach(() => void vi.useFakeTimers({ toFake: [...toFake] }));
afterEach(() => void vi.useRealTimers());

/** Nothing here does input or output, so a few turns are enough for all that can go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Starts a command at a terminal, and lets its network answer one request after the other. */
async function start(args: readonly string[], sandbox = createSandbox(), columns = 80) {
  const screen: string[] = [];
  const waiting: (() => void)[] = [];
  let free = 0;
  const interruption = new AbortController();
  const change: HostChange = {
    signal: interruption.signal,
    env: environment({ ANTHROPIC_AUTH_TOKEN: "token" }), // a key would be hashed, in a thread
    terminal: { stderr: columns },
    screen,
    fetch: async (url, init) => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return await sandbox.fetch(url, init);
    },
  };
  const ended = run(args, change);
  while (waiting.length === 0) await settle(); // its modules are loaded
  return {
    ended,
    interrupt: () => interruption.abort(),
    /** Lets so many requests through, and then some milliseconds pass. It gives the last line. */
    async pass(requests: number, duration: number) {
      const through = waiting.splice(0, requests);
      free += requests - through.length;
      for (const answer of through) answer();
      await settle();
      await vi.advanceTimersByTimeAsync(duration);
      return lastScreen(screen.join("")).at(-1);
    },
  };
}

describe("progress", () => {
  test("shows every second for how long, once only ends are waited for", async () => {
    const sandbox = createSandbox({ cancelingTime: 150_000 });
    const [status, expiry] = ["in_progress", 86_400_000 - 60_000] as const;
    const created_at = new Date(sandbox.now() - expiry).toISOString(); // it ends in a minute
    sandbox.seed({ processing_status: status, created_at });
    sandbox.seed({ processing_status: status });
    sandbox.seed();
    const { pass, ended } = await start(["purge", "--all", "--cancel", "--yes"], sandbox);
    expect(await pass(1, 1_000)).toMatch(/ 0\/3 /); // the list
    expect(await pass(1, 1_000)).toBe("Waiting for 2 message batches, 2s");
    expect(await pass(999, 48_000)).toBe("Waiting for 2 message batches, 50s");
    expect(await pass(999, 75_000)).toBe("Waiting for 1 message batch, 2m 5s");
    await pass(0, 600_000);
    expect(await ended).toMatchObject({ code: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("takes the rate over the last ten seconds, and goes on while nothing ends", async () => {
    const sandbox = createSandbox();
    const { pass, ended } = await start(["delete", ...seedBatches(sandbox, 20)], sandbox);
    expect(await pass(0, 500)).toMatch(/^\[> +\] 0\/20$/);
    expect(await pass(1, 1_500)).toMatch(/ 1\/20 {2}0\.5\/s {2}38s left$/);
    expect(await pass(0, 2_000)).toMatch(/ 1\/20 {2}0\.3\/s {2}1m 16s left$/);
    expect(await pass(9, 1_000)).toMatch(/ 10\/20 {2}2\.0\/s {2}5s left$/);
    expect(await pass(0, 15_000)).toMatch(/ 10\/20 {2}0\.0\/s$/);
    expect(await pass(1, 1_000)).toMatch(/ 11\/20 {2}0\.1\/s {2}1m 30s left$/);
    await pass(999, 1_000);
    expect(await ended).toMatchObject({ code: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("counts nothing that was never attempted", async () => {
    const sandbox = createSandbox();
    const { pass, interrupt, ended } = await start(
      ["delete", ...seedBatches(sandbox, 20)],
      sandbox,
    );
    await pass(1, 1_000);
    interrupt();
    expect(await pass(0, 2_000)).toMatch(/ 1\/20 /);
    await pass(999, 1_000);
    expect(await ended).toMatchObject({ code: 130 });
  });

  test("says what failed, and leaves the bar out where there is no room", async () => {
    const text = "2/10  2.0/s  4s left  1 failed";
    for (let columns = 12; columns < 90; columns += 1) {
      const sandbox = createSandbox();
      const ids = ["msgbatch_none", ...seedBatches(sandbox, 9)];
      const { pass, ended } = await start(["delete", ...ids], sandbox, columns);
      await pass(1, 0);
      const line = await pass(1, 1_000);
      expect(line?.endsWith(text.slice(0, columns - 1))).toBe(true);
      expect(line?.length).toBeLessThan(columns);
      expect(line?.startsWith("[")).toBe(columns >= text.length + 14);
      if (columns > 80) expect(line).toBe(`[======>                       ] ${text}`);
      await pass(999, 1_000);
      await ended;
    }
  });
});
