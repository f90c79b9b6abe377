import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { interruptingSignals, writeAll } from "../../src/adapters/process-host.ts";

const root = new URL("../..", import.meta.url).pathname;

test("writeAll() writes again to an output that is not ready, and loses nothing", async () => {
  const written: number[] = [];
  let calls = 0;
  const write = (bytes: Uint8Array) => {
    calls += 1;
    if (calls % 2 === 1) {
      return Promise.reject(Object.assign(new Error("not ready"), { name: "WouldBlock" }));
    }
    written.push(...bytes.subarray(0, 3));
    return Promise.resolve(Math.min(3, bytes.length));
  };
  await writeAll(write, Uint8Array.of(1, 2, 3, 4, 5));
  expect(written).toEqual([1, 2, 3, 4, 5]);
  const own = new Error("the disk is full");
  await expect(writeAll(() => Promise.reject(own), Uint8Array.of(1))).rejects.toBe(own);
});

test("interruptingSignals() has SIGHUP, unless it was ignored at the start", () => {
  expect(interruptingSignals()).toEqual(["SIGINT", "SIGTERM", "SIGHUP"]);
  expect(interruptingSignals(false)).toContain("SIGHUP");
  const script = 'import { interruptingSignals } from "./src/adapters/process-host.ts"; ' +
    "console.log(interruptingSignals().join())";
  const bun = `${root}node_modules/.bin/bun`;
  const signals = (trap: string) =>
    execFileSync("sh", ["-c", `${trap} exec ${bun} -e '${script}'`], {
      cwd: root,
      encoding: "utf8",
    });
  expect(signals("")).toBe("SIGINT,SIGTERM,SIGHUP\n");
  expect(signals("trap '' HUP;")).toBe("SIGINT,SIGTERM\n");
});
