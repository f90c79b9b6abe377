import { expect, test } from "vitest";
import { live } from "../../scripts/live.ts";
import { serve } from "../../src/adapters/serve.ts";
import { createSandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { key } from "../cli/keys.ts";

const limits = { perMinute: 1_000, headers: true };

/** Asks a sandbox over loopback, and gives what was printed. */
async function ask(options: SandboxOptions = {}, variables: Record<string, string> = {}) {
  const sandbox = createSandbox({ apiKeys: [key], rateLimit: limits, ...options });
  const server = await serve(sandbox.fetch);
  const { now } = sandbox;
  const sleep = (ms: number) => Promise.resolve(sandbox.advance(ms));
  const lines: string[] = [];
  const env = { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: server.url, ...variables };
  try {
    const isAsAssumed = await live(env, (line) => void lines.push(line), {
      now,
      sleep,
      random: () => 0,
    });
    return { sandbox, isAsAssumed, lines };
  } catch (error) {
    return { sandbox, isAsAssumed: undefined, lines: [...lines, String(error)] };
  } finally {
    await server.close();
    expect(lines.join("\n")).not.toContain("SENTINEL");
  }
}

test("live() tells ten facts beside what is documented and assumed, and leaves no batch", async () => {
  const { sandbox, isAsAssumed, lines } = await ask();
  const facts = lines.filter((line) => !line.startsWith(" "));
  expect(facts).toEqual([
    "ok      Creating a batch of one request with max_tokens 1: 200 in_progress",
    "ok      Deleting it while it is in progress: 400 invalid_request_error",
    "ok      Canceling it again: 200 canceling",
    "ok      Canceling it after its end: 400 invalid_request_error",
    "ok      Deleting it: 200 message_batch_deleted",
    "ok      Deleting it again: 404 not_found_error",
    expect.stringMatching(/^ok {6}request-id: in (\d+) of \1 answers, req_01\w+$/),
    expect.stringMatching(/^ok {6}anthropic-workspace-id: in (\d+) of \1 answers, wrkspc_\w+$/),
    expect.stringMatching(
      /^ok {6}anthropic-ratelimit-requests-remaining: in (\d+) of \1 .*, 9\d\d$/,
    ),
    expect.stringMatching(/^ok {6}date: in (\d+) of \1 answers, .* GMT$/),
  ]);
  const besides = lines.filter((line) => line.startsWith(" "));
  expect(besides).toHaveLength(10);
  for (const line of besides) expect(line).toMatch(/^ {8}documented: .+; assumed: .+$/);
  expect([isAsAssumed, sandbox.size]).toEqual([true, 0]);
});

test("live() says what differs", async () => {
  const { isAsAssumed, lines } = await ask({
    faults: [
      { method: "DELETE", status: 418 },
      { method: "DELETE", headers: { date: "" } },
    ],
    rateLimit: undefined,
  });
  expect(isAsAssumed).toBe(false);
  expect(lines.filter((line) => line.startsWith("DIFFERS"))).toEqual([
    "DIFFERS Deleting it while it is in progress: 418 invalid_request_error",
    expect.stringMatching(/^DIFFERS date: in /),
  ]);
  expect(lines).toContainEqual(expect.stringMatching(/^ok .*-remaining: in 0 of \d+ answers$/));
});

test("live() stops where no batch is created, or something else goes wrong", async () => {
  const refused = await ask({ apiKeys: ["another"] });
  expect(refused.lines).toEqual([
    "DIFFERS Creating a batch of one request with max_tokens 1: 401 authentication_error",
    "        documented: 200, in_progress; assumed: the same",
    "Error: there is no batch",
  ]);
  const insecure = await ask({}, { ANTHROPIC_BASE_URL: "http://example.com" });
  expect(insecure.lines).toEqual([expect.stringMatching(/^TypeError: Cannot use /)]);
  const lost = await ask({
    faults: [{ method: "DELETE", connection: "lost_before", times: 99 }],
  });
  expect(lost.lines).toContainEqual(
    expect.stringMatching(/^The batch may be left\. Run: npx batchsweep delete --cancel msgbatch_/),
  );
});

test("live() says what it would do without a key, and sends nothing", async () => {
  const { sandbox, isAsAssumed, lines } = await ask({}, { ANTHROPIC_API_KEY: "" });
  expect([isAsAssumed, sandbox.requests, lines.length]).toEqual([true, [], 10]);
  expect(lines.at(-1)).toBe("Nothing was sent");
});
