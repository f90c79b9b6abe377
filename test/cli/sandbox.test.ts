import { describe, expect, test } from "vitest";
import type { Host } from "../../src/cli/mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { call, toRequest } from "../fixtures/sandbox/call.ts";
import { environment, type HostChange, run } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const BATCHES = "/v1/messages/batches";
const now = Date.parse("2026-11-22T00:00:00Z");
const clock = { now: () => now, random: () => 0, sleep: () => Promise.resolve() };

/** Runs the command until it serves, and gives what it wrote and what it serves. */
async function serve(args: readonly string[], change: HostChange = {}) {
  const interruption = new AbortController();
  let fetch: Parameters<Host["serve"]>[0] = () => Promise.reject(new Error("It does not serve"));
  const ended = await run(["sandbox", ...args], {
    clock,
    env: environment({}),
    signal: interruption.signal,
    serve(handler, { hostname, port }) {
      fetch = handler;
      interruption.abort();
      return Promise.resolve({ url: `http://${hostname}:${port}`, close: () => Promise.resolve() });
    },
    ...change,
  });
  return { ...ended, fetch };
}

const withFile = (text: string): HostChange => ({ files: createMemoryFiles({ seeds: text }) });

describe("sandbox --seed", () => {
  test("takes a number, and shows five of them", async () => {
    const { code, stdout, fetch } = await serve(["--seed", "250"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^The sandbox listens on http:\/\/127.0.0.1:4010, with 250 message batches\n\n( {2}msgbatch_01\S+ {2}\w+ +2026-11-\d\d \d\d:\d\d\n){5} {2}and 245 more\n\n/,
    );
    expect((await call({ fetch }, "GET", `${BATCHES}?limit=1000`)).json.data).toHaveLength(250);
  });

  test.each([
    ["a list", '[{"id":"b1","age":"40d"},\n{"id":"b2","count":1}]'],
    ["lines", '{"id":"b1","age":"40d"}\n\n{"id":"b2"}\n'],
  ])("takes a file that is %s", async (_, text) => {
    const { stdout } = await serve(["--seed", "seeds", "--json"], withFile(text));
    expect(JSON.parse(stdout).batches).toMatchObject([
      { id: "b2", created_at: "2026-11-21T23:59:00.000000Z" },
      { id: "b1", created_at: "2026-10-13T00:00:00.000000Z", results_url: null },
    ]);
  });

  test("takes what list --json prints", async () => {
    const from = createSandbox({ now: () => now, seed: 25 });
    const listed = await run(["list", "--json"], { clock }, from);
    const { stdout } = await serve(["--seed", "seeds", "--json"], withFile(listed.stdout));
    const byId = (one: { id: string }, other: { id: string }) => one.id < other.id ? -1 : 1;
    expect(JSON.parse(stdout).batches.sort(byId)).toEqual(from.batches().toSorted(byId));
  });

  test.each([
    ["a line that is not JSON", "{}\nid", "Cannot use seeds: line 2 is not JSON"],
    ["an unknown member", '{"agee":"1d"}', 'Cannot use "agee" of batch 1 of the seed: there are '],
    ["a wrong member", '[{},{"age":1}]', 'Cannot use "age" of batch 2 of the seed: it is not '],
    ["a number in a list", "[1]", "Cannot use batch 1 of the seed: it is not an object"],
    ["null", "null", "Cannot use batch 1 of the seed: it is not an object"],
  ])("refuses %s", async (_, text, message) => {
    const { code, stdout, stderr } = await serve(["--seed", "seeds"], withFile(text));
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
  });

  test("names a file that is not there", async () => {
    expect((await serve(["--seed", "seeds"])).stderr).toBe(
      "Cannot read seeds: there is no such file or directory\n",
    );
  });
});

test("sandbox --rate refuses what is above it, and tells the limit", async () => {
  const { fetch } = await serve(["--rate", "2/s"]);
  const answers = [];
  for (let i = 0; i < 3; i++) answers.push(await call({ fetch }, "GET", BATCHES));
  const limits = answers.map(({ headers }) => [
    headers.get("anthropic-ratelimit-requests-limit"),
    headers.get("anthropic-ratelimit-requests-remaining"),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
  expect(limits).toEqual([["120", "1"], ["120", "0"], ["120", "0"]]);
  expect(answers[2]?.headers.get("retry-after")).toBe("1");
  for (const rate of ["50", "0/s", "50/h", "1.5/s"]) {
    expect((await serve(["--rate", rate])).code).toBe(2);
  }
});

test("sandbox --fault strikes, and may be given again", async () => {
  const { fetch } = await serve(["--fault", "overloaded", "--fault", "server-error 100%"]);
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await call({ fetch }, "GET", BATCHES)).status);
  expect(statuses).toEqual([529, 500, 500]);
});

test("sandbox --help explains each fault that an unknown name is answered with", async () => {
  const { code, stderr } = await serve(["--fault", "lost"]);
  const [, names = ""] = /^Cannot use fault "lost": use one of (.*), alone or with a chance: 5%\n$/
    .exec(stderr) ?? [];
  expect([code, names.split(", ").length]).toEqual([2, 7]);
  const help = (await run(["sandbox", "--help"])).stdout;
  expect([...help.matchAll(/^ {2}([a-z]+-?[a-z]+) {2,}\S/gm)].map(([, name]) => name))
    .toEqual(expect.arrayContaining(names.split(", ")));
});

test("sandbox --latency withholds every answer for that long", async () => {
  const waits: number[] = [];
  const sleep = (ms: number) => Promise.resolve(void waits.push(ms));
  const { fetch } = await serve(["--latency", "300ms"], { clock: { ...clock, sleep } });
  await fetch(toRequest("GET", BATCHES));
  expect(waits).toEqual([300]);
});

test("sandbox shows command lines for a shell, broken between words at 80 columns", async () => {
  const commandLine = ({ host }: URL) => [
    ...["npx", "deno", "run", `--allow-net=${host}`, "--allow-env=ANTHROPIC_*,NO_PROXY"],
    "it's here/src/adapters/deno.ts",
  ];
  const { stdout } = await serve([], { commandLine, terminal: { stdout: 80 } });
  expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(stdout).toContain(`
  export ANTHROPIC_BASE_URL=http://127.0.0.1:4010 ANTHROPIC_API_KEY=any
  npx deno run --allow-net=127.0.0.1:4010 '--allow-env=ANTHROPIC_*,NO_PROXY' \\
    'it'\\''s here/src/adapters/deno.ts' list
`);
});
