import { afterEach, describe, expect, test, vi } from "vitest";
import { createProgress } from "../../src/cli/output.ts";

describe("createProgress() where ends are waited for", () => {
  const timers = () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  };
  const follow = (waited: readonly string[], total: number) => {
    let now = 0;
    const lines: (string | undefined)[] = [];
    const status = (line: string | undefined) => Promise.resolve(void lines.push(line));
    const host = { clock: { now: () => now }, stderr: { columns: 80 }, waited: new Set(waited) };
    const progress = createProgress(total, { status }, host);
    const pass = (duration: number) => {
      now += duration;
      vi.advanceTimersByTime(duration);
      return lines.at(-1);
    };
    return { progress, pass, lines };
  };
  afterEach(() => void vi.useRealTimers());

  test("shows every second for how long, once nothing else is left", () => {
    timers();
    const { progress, pass } = follow(["c", "d"], 4);
    progress.add({ outcome: "missing", id: "a" });
    expect(pass(1_000)).toMatch(/ 1\/4 /);
    progress.add({ outcome: "missing", id: "b" });
    expect(pass(1_000)).toBe("Waiting for 2 message batches, 2s");
    progress.add({ outcome: "missing", id: "c" });
    expect(pass(123_000)).toBe("Waiting for 1 message batch, 2m 5s");
    progress.add({ outcome: "missing", id: "d" });
    expect(pass(50)).toMatch(/ 4\/4 /);
  });

  test("goes on with the rate while nothing ends, and leaves no timer", async () => {
    timers();
    const { progress, pass, lines } = follow([], 4);
    progress.add({ outcome: "missing", id: "a" });
    expect(pass(2_000)).toMatch(/ 1\/4 {2}0\.5\/s {2}6s left$/);
    expect(pass(2_000)).toMatch(/ 1\/4 {2}0\.3\/s {2}12s left$/);
    progress.add({ outcome: "missing", id: "b" });
    await progress.end();
    expect(vi.getTimerCount()).toBe(0);
    expect(lines.at(-1)).toBeUndefined();
  });
});
