import { readFile } from "node:fs/promises";
import { describe } from "vitest";
import { resourceFixtures } from "../fixtures/resources.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { adminKey, createStage, jsonLines, key, names } from "./runtimes.ts";

const at = (id: string) => `/v1/messages/batches/${id}`;

describe.each(names)("delete on %s", { concurrent: true }, (runtime) => {
  test("deletes one batch with one request, and says so", async ({ expect }) => {
    await using stage = await createStage();
    const { id } = stage.sandbox.seed();
    const { code, stdout, stderr } = await stage.run(runtime, ["delete", id]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^deleted ${id} \\(receipt, req_\\w+\\)\n$`));
    expect(stage.requests()).toEqual([`DELETE ${at(id)}`]);
    expect(stage.sandbox.size).toBe(0);
  });

  test("goes on after a failure, in text and on both outputs", async ({ expect }) => {
    await using stage = await createStage();
    const [first, last] = [stage.sandbox.seed(), stage.sandbox.seed()];
    const going = stage.sandbox.seed({ processing_status: "in_progress" });
    const ended = await stage.run(runtime, [
      "delete",
      first.id,
      going.id,
      "msgbatch_gone",
      last.id,
    ]);
    expect(ended.code).toBe(1);
    expect(ended.stdout.match(/^deleted msgbatch_\w+/gm)?.sort()).toEqual(
      [first, last].map(({ id }) => `deleted ${id}`).sort(),
    );
    const [end, totals, hint, missing, ...rest] = ended.stderr.split("\n").sort();
    expect([end, rest]).toEqual(["", [`skipped ${going.id} (not ended)`]]);
    expect(missing).toMatch(/^failed msgbatch_gone: 404 not_found_error: /);
    expect(totals).toBe("4 message batches: 2 deleted, 1 skipped, 1 failed");
    expect(hint).toBe("If it may be gone already, say --allow-missing");
    expect(stage.sandbox.size).toBe(1);
  });

  test("cancels, waits, saves the results and deletes", async ({ expect, directory }) => {
    await using stage = await createStage(undefined, { cancelingTime: 500 });
    const { id } = stage.sandbox.seed({ processing_status: "in_progress", requests: 3 });
    const args = ["delete", "--cancel", "--export", directory, id];
    const { code, stdout, stderr } = await stage.run(runtime, args, { directory });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      new RegExp(`^deleted ${id} \\(receipt, req_\\w+, 3 results saved\\)\n$`),
    );
    expect(jsonLines(await readFile(`${directory}/${id}.jsonl`, "utf8"))).toHaveLength(3);
    expect(stage.sandbox.size).toBe(0);
  });

  test("ends with 3 where a wait is over, and deletes nothing", async ({ expect }) => {
    await using stage = await createStage();
    const { id } = stage.sandbox.seed({ processing_status: "in_progress" });
    const args = ["delete", "--cancel", "--timeout", "100ms", id];
    expect(await stage.run(runtime, args)).toEqual({
      code: 3,
      stdout: "",
      stderr: `skipped ${id} (not ended after 100ms; canceled)\n`,
    });
    expect(stage.sandbox.size).toBe(1);
  });

  test("reads ids from stdin, each once, and writes JSON lines", async ({ expect }) => {
    await using stage = await createStage();
    const { id } = stage.sandbox.seed();
    const stdin = `\n  ${id}\r\n\nmsgbatch_gone\n${id}`;
    const { code, stdout, stderr } = await stage.run(runtime, ["delete", "--json"], { stdin });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "2 message batches: 1 deleted, 1 failed\n",
    });
    expect(jsonLines(stdout)).toEqual([
      {
        outcome: "deleted",
        id,
        evidence: "receipt",
        requestId: expect.stringMatching(/^req_/),
        attempts: 1,
        workspaceId: "wrkspc_011CZkZaBF1tNoB5wlCeusgy",
      },
      expect.objectContaining({ outcome: "failed", id: "msgbatch_gone" }),
    ]);
    expect(stage.requests()).toEqual([`DELETE ${at(id)}`, `DELETE ${at("msgbatch_gone")}`]);
  });

  test("sends nothing where one id cannot be used", async ({ expect }) => {
    await using stage = await createStage();
    const { id } = stage.sandbox.seed();
    const bad = ["", "..", "a/b", "a\u009b31m\u202e"];
    const { code, stdout, stderr } = await stage.run(runtime, ["delete", id, ...bad]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe([
      'Cannot use id "": it is empty',
      'Cannot use id "..": it is not one path segment',
      'Cannot use id "a/b": it is not one path segment',
      'Cannot use id "a\\u{9b}31m\\u{202e}": it is not one path segment\n',
    ].join("\n"));
    expect(stage.requests()).toEqual([]);
  });

  test("sends nothing without credentials", async ({ expect }) => {
    await using stage = await createStage();
    const env = { ANTHROPIC_API_KEY: " ", ANTHROPIC_AUTH_TOKEN: "" };
    const { code, stdout, stderr } = await stage.run(runtime, ["delete", "msgbatch_1"], { env });
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toContain("set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN\n");
    expect(stage.requests()).toEqual([]);
  });

  test("stops where the API refuses the key, even if it quotes it", async ({ expect }) => {
    await using stage = await createStage((request) =>
      Promise.resolve(Response.json({
        type: "error",
        error: { type: "authentication_error", message: `No: ${request.headers.get("x-api-key")}` },
      }, { status: 401, headers: { "request-id": `req_${request.headers.get("x-api-key")}` } }))
    );
    const { code, stdout, stderr } = await stage.run(runtime, [
      "delete",
      "--verbose",
      "msgbatch_a",
      "msgbatch_b",
    ]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toContain("failed msgbatch_a: 401 authentication_error: No: [redacted]");
    expect(stderr).toContain("Stopped: the API refused the credentials. 1 is left\n");
  });

  test("names the address that does not answer", async ({ expect }) => {
    const stage = await createStage();
    await stage[Symbol.asyncDispose]();
    const args = ["delete", "--verbose", "--max-retries", "0", "msgbatch_1"];
    const { code, stdout, stderr } = await stage.run(runtime, args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^DELETE \S+, attempt 1: ERR_CONNECTION in \d+ ms\nfailed msgbatch_1: connection refused by 127\.0\.0\.1:\d+\n/,
    );
    expect(stderr.endsWith(`\nThe base URL is ${stage.url}\n`)).toBe(true);
  });

  test("refuses an unknown option with a suggestion", async ({ expect }) => {
    await using stage = await createStage();
    const { code, stdout, stderr } = await stage.run(runtime, ["delete", "--jsno", "a"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Unknown option '--jsno'\n\(Did you mean --json\?\)\n/);
    expect(stage.requests()).toEqual([]);
  });

  test.for(
    [
      ["skill-version", resourceFixtures.deleteSkillVersion, key],
      ["workspace-member", resourceFixtures.deleteWorkspaceMember, adminKey],
    ] as const,
  )("deletes a %s with the key for it", async ([kind, { id, path, receipt }, sent], { expect }) => {
    const requests: (string | null)[][] = [];
    await using stage = await createStage(({ method, url, headers }) => {
      requests.push([method, new URL(url).pathname, headers.get("x-api-key")]);
      return Promise.resolve(Response.json(receipt, { headers: { "request-id": "req_1" } }));
    });
    const stdin = Object.values(id).join("/");
    const env = { ANTHROPIC_ADMIN_KEY: adminKey };
    expect(await stage.run(runtime, ["delete", kind], { env, stdin })).toEqual({
      code: 0,
      stdout: `deleted ${stdin} (receipt, req_1)\n`,
      stderr: "",
    });
    expect(requests).toEqual([["DELETE", path, sent]]);
  });
});
