import { expect, test } from "vitest";
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { environment, jsonLines, key, run } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";
import { failingOutput, interruptedReading } from "./memory-host.ts";

test("main() without a command shows the help on stderr", async () => {
  const { code, stdout, stderr } = await run([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^Usage: batchsweep /);
});

test("main() suggests a command for one that is unknown", async () => {
  const { code, stderr } = await run(["delte", "a"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^Unknown command 'delte'\n\(Did you mean delete\?\)\n/);
});

test("main() keeps a key to itself that is given as an option or as an id", async () => {
  for (const args of [[`--api-key=${key}`], ["delete", `--api-key=${key}`], ["delete", key]]) {
    expect(await run(args)).toMatchObject({ code: 2, stdout: "" });
  }
});

test("main() redacts what looks like a key, and a token of any look", async () => {
  const other = "sk-ant-api03-another-key";
  expect((await run([`--api-key=${other}`])).stderr).toMatch(
    /^Unknown option '--api-key=\[redacted\]'/,
  );
  const token = "opaque+token/0123=";
  const env = (name: string) => name === "ANTHROPIC_AUTH_TOKEN" ? ` ${token}\n` : undefined;
  const serve = () => Promise.reject(new Error(`it quotes ${token}`));
  expect((await run(["sandbox"], { env, serve })).stderr).toMatch(
    /: it quotes \[redacted\]; --port takes another\n$/,
  );
});

test("main() writes no control character that it was given", async () => {
  const { stderr } = await run(["\u001b[31m\u202e\u2028red"]);
  expect(stderr).toMatch(/^Unknown command ' \[31m {2}red'\n/);
});

test("main() refuses options that cannot be used", async () => {
  const flags = [
    ["--request-timeout", "5"],
    ["--request-timeout", "0s"],
    ["--max-retries", "-1"],
    ["--max-retries", "101"],
    ["--base-url", "http://example.com"],
  ];
  for (const [name = "", value = ""] of flags) {
    const { code, stderr } = await run(["delete", "a", name, value]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(name)]);
  }
  expect((await run(["delete", "a", "--request-timeout", "301s"])).stderr).toBe(
    'Cannot use --request-timeout "301s": give a time from 1ms to 5m with its unit: ' +
      "500ms, 30s, 2m\n",
  );
});

test("main() refuses an option that is given twice, for the first would not count", async () => {
  const lines = [
    "purge --all --yes --holds keep.txt --holds none",
    "purge --all --yes --policy a --policy b",
    "purge --yes --older-than 30d --older-than 1m",
    "purge --yes --max 1 --max=100",
    "delete --holds a message-batch --holds b msgbatch_1",
    "retain --policy a --yes --max-share 5% --max-share 100%",
    "token create x --min-days-since-ended 30 --min-days-since-ended 0",
  ];
  for (const line of lines) {
    const { code, stdout, stderr } = await run(line.split(" "));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Cannot use --[a-z-]+ twice: give it once\n$/);
  }
  const lists = "token create x --allow batches:read --allow audit:read".split(" ");
  expect((await run(lists)).stdout).toContain('"allow":["batches:read","audit:read"]');
});

test("main() refuses --archived where nothing looks for results", async () => {
  const sandbox = createSandbox();
  sandbox.seed({ id: "msgbatch_1", age: "40d" });
  const lines = ["purge --all --yes", "purge --plan a --yes", "delete msgbatch_1"];
  for (const line of lines) {
    const args = [...line.split(" "), "--archived", "keep"];
    const { code, stdout, stderr } = await run(args, {}, sandbox);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Cannot use --archived without --export: /);
  }
  expect(sandbox.requests).toEqual([]);
});

test("main() reports a refused key as 4, and every id in JSON", async () => {
  const sandbox = createSandbox({ apiKeys: ["another"] });
  const { code, stdout } = await run(["delete", "--json", "msgbatch_1", "msgbatch_2"], {}, sandbox);
  expect(code).toBe(4);
  expect(jsonLines(stdout)).toEqual([
    {
      outcome: "failed",
      id: "msgbatch_1",
      error: {
        code: "ERR_API",
        message: expect.any(String),
        why: expect.any(String),
        status: 401,
        type: "authentication_error",
        requestId: expect.any(String),
      },
    },
    { outcome: "unattempted", id: "msgbatch_2", reason: "credentials_refused" },
  ]);
  expect(sandbox.requests).toHaveLength(1);
});

test("main() names what a proxy and Deno are told by, never a value", async () => {
  const fail = (code: string) => () =>
    Promise.reject(new TypeError("failed", { cause: Object.assign(new Error(code), { code }) }));
  const variables = { ANTHROPIC_API_KEY: key, HTTPS_PROXY: "http://me:secret@proxy" };
  const env = environment(variables);
  const args = ["list", "--max-retries", "0"];
  expect((await run(args, { env, fetch: fail("ECONNREFUSED") })).stderr).toBe(
    "Cannot list message batches: connection refused by api.anthropic.com\n" +
      "The base URL is https://api.anthropic.com\nSet for a proxy: HTTPS_PROXY\n",
  );
  const denied = () => Promise.reject(Object.assign(new Error("x"), { name: "NotCapable" }));
  expect((await run(args, { fetch: denied })).stderr).toMatch(
    /no permission .*\n.*\nPermit it with --allow-net=api.anthropic.com\n$/,
  );
});

test("main() sends nothing where a proxy could see the key, or a variable may not be read", async () => {
  const sandbox = createSandbox();
  const local = ["list", "--base-url", "http://127.0.0.1:1"];
  expect(await run(local, { bypassProxy: () => false }, sandbox)).toMatchObject({
    code: 2,
    stderr:
      "Cannot use http://127.0.0.1:1: a proxy could see the key; permit --allow-env=NO_PROXY\n",
  });
  for (const name of ["ANTHROPIC_BASE_URL", "ANTHROPIC_WORKSPACE_ID"]) {
    const mayRead = (variable: string) => variable !== name;
    expect(await run(["list"], { mayRead }, sandbox)).toMatchObject({
      code: 2,
      stderr: `Cannot use ${name}: this process may not read it: permit --allow-env=${name}\n`,
    });
  }
  expect(sandbox.requests).toEqual([]);
  const mayRead = (variable: string) => variable !== "ANTHROPIC_BASE_URL";
  const named = ["list", "--base-url", "https://a.example"]; // then it need not be read
  expect((await run(named, { mayRead }, sandbox)).code).toBe(0);
});

test("main() reports how a lost answer was known, and each attempt", async () => {
  const sandbox = createSandbox();
  const { id } = sandbox.seed();
  sandbox.fail({ connection: "lost_after", method: "DELETE" });
  const { code, stdout, stderr } = await run(["delete", "--json", "--verbose", id], {}, sandbox);
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toMatchObject([{ evidence: "absent_after_retry", attempts: 2 }]);
  expect(stderr).toMatch(/ERR_CONNECTION in \d+ ms, again in \d+ ms\n.*attempt 2: 404 in \d+ ms/);
});

test("main() tells an unexpected error in a line, and with --verbose its stack", async () => {
  const read = () => {
    throw new Error(`boom ${key}\nmore`);
  };
  const stdin = { isTerminal: false, read };
  const { code, stderr } = await run(["delete"], { stdin });
  expect({ code, stderr }).toEqual({ code: 1, stderr: "Cannot go on: Error: boom [redacted]\n" });
  expect((await run(["delete", "--verbose"], { stdin })).stderr).toMatch(
    /\n +at .*main\.test\.ts:/,
  );
});

test("main() tells an unexpected error after all outcomes", async () => {
  const sandbox = createSandbox();
  sandbox.fail({ status: 500 });
  const clock = {
    now: () => Date.now(),
    random: () => 0,
    sleep: () => Promise.reject(new Error("the clock stopped")),
  };
  const ids = ["msgbatch_1", "msgbatch_2"];
  const { code, stderr } = await run(["delete", ...ids], { clock }, sandbox);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /\n2 message batches: 1 failed, 1 unattempted\nCannot go on: Error: the clock stopped\n$/,
  );
});

test.each([
  "delete",
  "delete @p",
  "purge --yes --all --holds p",
  "purge --yes --all --policy p",
  "purge --yes --plan p",
  "retain --yes --policy p",
  "audit verify p",
  "sandbox --seed p",
])("main() ends at once when it is interrupted while it reads: %s", async (line) => {
  const { read, signal } = interruptedReading();
  const change = { stdin: { isTerminal: false, read }, files: { ...createMemoryFiles(), read } };
  expect(await run(line.split(" "), { ...change, signal })).toMatchObject({
    code: 130,
    stdout: "",
  });
});

test("main() tells a result that cannot be written, and is quiet when the reader is gone", async () => {
  for (const args of [["--help"], ["delete", "msgbatch_1", "--allow-missing"]]) {
    expect(await run(args, { stdout: failingOutput("EPIPE") })).toMatchObject({
      code: 141,
      stderr: args[0] === "delete" ? "1 message batch: 1 missing\n" : "",
    });
    const { code, stderr } = await run(args, { stdout: failingOutput("ENOSPC") });
    expect(code).toBe(1);
    // What was done is said where it can be.
    const done = args[0] === "delete" ? "(deleted|missing|failed) msgbatch_1.*\n" : "";
    expect(stderr).toMatch(new RegExp(`^${done}Cannot write to stdout: the disk is full\n$`));
  }
});

test("main() takes the first exit code of its order that is true", async () => {
  const sandbox = createSandbox({ apiKeys: ["another"] });
  const codes = [["ENOSPC", 4], ["EPIPE", 141]] as const;
  for (const command of ["delete", "cancel"]) {
    for (const [failure, first] of codes) {
      const args = [command, "--json", "msgbatch_1", "msgbatch_2", "msgbatch_3"];
      const { code, stderr } = await run(args, { stdout: failingOutput(failure) }, sandbox);
      expect(code, `${command} ${failure}`).toBe(first);
      expect(stderr).toMatch(/ 1 failed, 2 unattempted\n/);
    }
  }
});

test("main() says why the sandbox cannot listen", async () => {
  const { port, close } = await serve(() => Promise.resolve(new Response()));
  expect(await run(["sandbox", "--port", String(port)], { serve })).toEqual({
    code: 2, // as of the service
    stdout: "",
    stderr: `Cannot listen on 127.0.0.1:${port}: the port is taken; --port takes another\n`,
  });
  await close();
});
