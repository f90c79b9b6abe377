import { execFileSync } from "node:child_process";
import { afterEach, expect, test, vi } from "vitest";
import {
  bypassProxy,
  commandLineOf,
  interruptingSignals,
  writeAll,
} from "../../src/adapters/process-host.ts";

const root = new URL("../..", import.meta.url).pathname;

afterEach(() => vi.unstubAllEnvs());

test.each([
  [undefined, undefined, ""],
  ["10.0.0.0/8,*.corp", undefined, "10.0.0.0/8,*.corp,"],
  ["upper", "lower", "lower,"],
])("bypassProxy() adds the host and loopback to NO_PROXY=%s, no_proxy=%s", (upper, lower, kept) => {
  vi.stubEnv("NO_PROXY", upper);
  vi.stubEnv("no_proxy", lower);
  expect(bypassProxy("127.0.0.9")).toBe(true);
  const { NO_PROXY, no_proxy } = process.env;
  const all = `${kept}127.0.0.9,localhost,127.0.0.1,[::1],::1`;
  expect([NO_PROXY, no_proxy]).toEqual([all, all]);
});

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

test.each([
  ["npx batchsweep", "/app/node_modules/.bin/batchsweep", "/usr/bin/node"],
  ["npx batchsweep", "C:\\app\\node_modules\\batchsweep\\bin\\batchsweep.js", "C:\\node.exe"],
  ["bunx --bun batchsweep", "/app/node_modules/.bin/batchsweep", "/usr/bin/bun"],
  ["batchsweep", "/usr/local/bin/batchsweep", "/usr/bin/node"],
  ["node --flag src/adapters/node.ts", `${root}src/adapters/node.ts`, "/usr/bin/node"],
  [
    "npx bun --flag src/adapters/bun.ts",
    `${root}src/adapters/bun.ts`,
    "/app/node_modules/bun/bun.exe",
  ],
])("commandLineOf() is %s for %s", (words, script, execPath) => {
  const versions = { ...process.versions, ...execPath.endsWith("bun") && { bun: "1" } };
  const argv = [execPath, script];
  const execArgv = ["--flag"];
  expect(commandLineOf({ argv, execArgv, execPath, versions }).join(" ")).toBe(words);
});
