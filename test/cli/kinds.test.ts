import { describe, expect, test } from "vitest";
import { resourceKinds } from "../../src/resources.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { resourceFixtures } from "../fixtures/resources.ts";
import { adminKey, environment, jsonLines, key, run, stdinOf, wire } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const authToken = "SENTINEL-token-0123456789";
const env = environment({
  ANTHROPIC_API_KEY: key,
  ANTHROPIC_AUTH_TOKEN: authToken,
  ANTHROPIC_ADMIN_KEY: ` ${adminKey}\n`,
  ANTHROPIC_WORKSPACE_ID: "wrkspc_1",
});

/** Every kind but message batches: its command, an id, the path and the receipt as documented. */
const kinds = Object.entries(resourceFixtures).map(([name, { id, path, receipt }]) => ({
  command: name.replace(/^delete/, "").replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`)
    .toLowerCase(),
  id: typeof id === "string" ? id : Object.values(id).join("/"),
  names: Object.keys(id).join("/"),
  path,
  receipt,
  administrative: path.startsWith("/v1/organizations/"),
}));
const inTwoParts = kinds.filter(({ id }) => id.includes("/"));
const administrative = kinds.filter((kind) => kind.administrative);
const ordinary = kinds.filter((kind) => !kind.administrative);

test("the kinds of these tests are those of the registry, of every sort", () => {
  expect(kinds).toHaveLength(resourceKinds.length);
  for (const some of [inTwoParts, administrative, ordinary]) expect(some).not.toEqual([]);
});

describe.each(kinds)("delete $command", ({ command, id, path, receipt, administrative }) => {
  test("sends one DELETE to its path, with its own credential alone", async () => {
    const { fetch, requests } = wire(receipt);
    expect(await run(["delete", command, id], { env, fetch })).toEqual({
      code: 0,
      stdout: `deleted ${id} (receipt, req_1)\n`,
      stderr: "",
    });
    expect(requests.map(({ line }) => line)).toEqual([`DELETE ${path}`]);
    const [sent, kept] = administrative ? [adminKey, key] : [key, adminKey];
    const headers = requests[0]?.headers;
    expect(headers?.get("x-api-key")).toBe(sent);
    expect(headers?.get("anthropic-workspace-id")).toBe(administrative ? null : "wrkspc_1");
    const values = [...headers ?? []].join("\n");
    for (const other of [kept, authToken]) expect(values).not.toContain(other);
  });

  test("reads ids from stdin, and names the kind in JSON", async () => {
    const { fetch } = wire(receipt);
    const given = { env, fetch, stdin: stdinOf(`\n${id}\r\n${id}\n`) };
    const { code, stdout } = await run(["delete", "--json", command, "--verbose"], given);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([{
      resource: command.replaceAll("-", "_"),
      outcome: "deleted",
      id,
      evidence: "receipt",
      requestId: "req_1",
      attempts: 1,
    }]);
  });

  test("says in its help what it takes", async () => {
    const { code, stdout } = await run(["delete", command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: batchsweep delete ${command} [options] [`);
    expect(stdout.includes("--allow-env=ANTHROPIC_ADMIN_KEY")).toBe(administrative);
    expect((await run(["delete", "--help"])).stdout).toContain(`\n  ${command} `);
  });

  test("refuses an id of another kind, unless it is told to insist", async () => {
    const parts = id.split("/");
    const other = parts.map((_, index) => index === 0 ? "msgbatch_1" : "x").join("/");
    const { fetch, requests } = wire({ error: { type: "not_found_error", message: "" } }, 404);
    const refused = await run(["delete", command, id, other], { env, fetch });
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain(`Cannot use id "${other}": `);
    expect(refused.stderr).toContain(" looks like a message batch; use --insist if it is a");
    expect(requests).toEqual([]);
    const insisted = await run(["delete", command, "--insist", other], { env, fetch });
    expect(insisted).toMatchObject({ code: 1 });
    expect(requests).toHaveLength(1);
  });
});

describe.each(administrative)("delete $command", ({ command, id }) => {
  test.each([{}, { ANTHROPIC_ADMIN_KEY: " " }])("uses no other credential for %j", async (own) => {
    const { fetch, requests } = wire({});
    const env = environment({ ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: authToken, ...own });
    expect(await run(["delete", command, id], { env, fetch })).toEqual({
      code: 4,
      stdout: "",
      stderr: "Cannot find credentials: set ANTHROPIC_ADMIN_KEY\n",
    });
    expect(requests).toEqual([]);
  });

  test("names the variable of a key that cannot be used", async () => {
    const env = environment({ ANTHROPIC_ADMIN_KEY: `${adminKey}\nx` });
    const { code, stderr } = await run(["delete", command, id], { env });
    expect([code, stderr]).toEqual([4, expect.stringMatching(/^Cannot use ANTHROPIC_ADMIN_KEY: /)]);
  });
});

describe.each([...ordinary, { command: "message-batch", id: "msgbatch_1" }])(
  "delete $command",
  ({ command, id }) => {
    test("does without credentials rather than use the administrator's key", async () => {
      const { fetch, requests } = wire({});
      const env = environment({ ANTHROPIC_ADMIN_KEY: adminKey });
      expect(await run(["delete", command, id], { env, fetch })).toMatchObject({ code: 4 });
      expect(requests).toEqual([]);
    });
  },
);

describe.each(inTwoParts)("delete $command", ({ command, id, names }) => {
  test("refuses an id that is not in its parts", async () => {
    const { fetch, requests } = wire({});
    const [first = "", last = ""] = names.split("/");
    const bad = ["x", "x/y/z", "/x", "x/", "x/..", "x/sk-ant-api03-x"];
    const { code, stdout, stderr } = await run(["delete", command, id, ...bad], { env, fetch });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe([
      `Cannot use id "x": it is not ${names}`,
      `Cannot use id "x/y/z": it is not ${names}`,
      `Cannot use ${first} in id "/x": it is empty`,
      `Cannot use ${last} in id "x/": it is empty`,
      `Cannot use ${last} in id "x/..": it is not one path segment`,
      "and 1 more\n",
    ].join("\n"));
    expect(requests).toEqual([]);
    expect((await run(["delete", command, ...bad.slice(5)], { env })).stderr).toBe(
      `Cannot use ${last} in id "x/[redacted]": it looks like a key\n`,
    );
  });
});

test("delete says what an id looks like, and what it would have to be", async () => {
  const refusal = async (...args: string[]) => (await run(["delete", ...args], { env })).stderr;
  const is = "use --insist if it is a";
  expect(await refusal("file", "msgbatch_1")).toBe(
    `Cannot use id "msgbatch_1": it looks like a message batch; ${is} file; ` +
      'did you mean "delete message-batch"?\n',
  );
  expect(await refusal("file_1")).toBe(
    `Cannot use id "file_1": it looks like a file; ${is} message batch; ` +
      'did you mean "delete file"?\n',
  );
  expect(await refusal("user", "wrkspc_1")).toBe(
    `Cannot use id "wrkspc_1": it looks like a workspace; ${is} user\n`,
  );
  expect(await refusal("skill-version", "skill_1/invite_1", "skver_1/skill_1")).toBe(
    `Cannot use id "skill_1/invite_1": its version looks like an invite; ` +
      `${is} skill version\n` +
      `Cannot use id "skver_1/skill_1": its skill_id looks like a skill version; ` +
      `${is} skill\n`,
  );
  expect(await refusal("invite", "user_1")).toContain("; use --insist if it is an invite;");
});

test("delete takes no kind that is mistyped for an id that is gone", async () => {
  const { fetch, requests } = wire({ error: { type: "not_found_error", message: "" } }, 404);
  for (const args of [["skils"], ["skils", "skill_1"], ["msgbatch_1", "skils"]]) {
    const given = ["delete", "--allow-missing", ...args];
    const { code, stdout, stderr } = await run(given, { env, fetch });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /^Cannot use id "skils": it does not begin with "msgbatch_"; .*did you mean "delete skill"\?$/m,
    );
  }
  expect((await run(["delete", "files", "file_1"], { env, fetch })).stderr).toMatch(
    /; did you mean "delete file"\?\n.* looks like a file; .*; did you mean "delete file"\?\n$/,
  );
  expect(requests).toEqual([]);
});

test("delete insists on nothing that is no path segment, and on no key", async () => {
  const { fetch, requests } = wire({});
  const bad = ["a/b", "..", key];
  const { code } = await run(["delete", "file", "--insist", ...bad], { env, fetch });
  expect([code, requests]).toEqual([2, []]);
});

test("delete message-batch is delete, to the letter of its JSON", async () => {
  for (const command of [["delete"], ["delete", "message-batch"]]) {
    const { fetch, requests } = wire({ id: "msgbatch_1", type: "message_batch_deleted" });
    const { stdout } = await run([...command, "--json", "msgbatch_1"], { env, fetch });
    expect(stdout).toBe(
      '{"outcome":"deleted","id":"msgbatch_1","evidence":"receipt","requestId":"req_1","attempts":1}\n',
    );
    expect(requests.map(({ line }) => line)).toEqual(["DELETE /v1/messages/batches/msgbatch_1"]);
    expect(requests[0]?.headers.get("x-api-key")).toBe(key);
  }
});

test("delete takes options before and after the kind, and suggests one that is close", async () => {
  const { fetch, requests } = wire({ error: { type: "api_error", message: "no" } }, 500);
  const args = ["--max-retries", "0", "file", "--json", "file_1"];
  const { code, stdout } = await run(["delete", ...args], { env, fetch });
  expect(code).toBe(1);
  expect(jsonLines(stdout)).toMatchObject([{ resource: "file", outcome: "failed" }]);
  expect(requests).toHaveLength(1);
  const { stderr } = await run(["delete", "file", "--jsno", "file_1"], { env, fetch });
  expect(stderr).toMatch(/^Unknown option '--jsno'\n\(Did you mean --json\?\)\n/);
});

test("delete does for message batches only what is theirs", async () => {
  const { fetch, requests } = wire({});
  for (const flags of [["--cancel"], ["--wait"], ["--timeout", "1m"], ["--export", "results"]]) {
    for (const args of [[...flags, "file", "file_1"], ["file", ...flags, "file_1"]]) {
      expect(await run(["delete", ...args], { env, fetch })).toEqual({
        code: 2,
        stdout: "",
        stderr: `Cannot use ${flags[0]} for a file: it is for message batches\n`,
      });
    }
  }
  const { code, stderr } = await run(["delete", "--timeout", "1m", "msgbatch_1"], { env, fetch });
  expect([code, stderr]).toEqual([
    2,
    "Cannot use --timeout without --cancel or --wait; the time for one request is " +
    "--request-timeout\n",
  ]);
  expect(requests).toEqual([]);
});

test("delete sends nothing where the directory for the results cannot be opened", async () => {
  const { fetch, requests } = wire({});
  const files = createMemoryFiles({}, () => "EACCES");
  expect(await run(["delete", "--export", "results", "msgbatch_1"], { env, fetch, files })).toEqual(
    {
      code: 2,
      stdout: "",
      stderr: "Cannot open results: it is not permitted\n",
    },
  );
  expect(requests).toEqual([]);
});

test.each(["--older-than 7d", "--status=ended", "--all", "file --max 1"])(
  "delete %s points to purge",
  async (line) => {
    const { fetch, requests } = wire({});
    const { code, stderr } = await run(["delete", ...line.split(" "), "x"], { env, fetch });
    const flag = /--[a-z-]+/.exec(line)?.[0];
    expect([code, stderr]).toEqual([
      2,
      `Cannot use ${flag} with delete, which takes ids: batchsweep purge deletes by a filter\n`,
    ]);
    expect(requests).toEqual([]);
  },
);

test("delete message-batch takes what delete takes", async () => {
  const sandbox = createSandbox({ cancelingTime: 0 });
  for (const command of [["delete"], ["delete", "message-batch"]]) {
    const { id } = sandbox.seed({ processing_status: "in_progress" });
    const files = createMemoryFiles();
    const args = [...command, "--cancel", "--export", "results", id];
    const { code, stdout } = await run(args, { files }, sandbox);
    expect(code).toBe(0);
    expect(stdout).toContain(`deleted ${id} (receipt, `);
    expect([...files.texts.keys()]).toEqual([`results/${id}.jsonl`]);
  }
  expect(sandbox.size).toBe(0);
});

test("delete tells a failure in the words of its kind once", async () => {
  const { fetch } = wire({ error: { type: "invalid_request_error", message: "As it is" } }, 400);
  const { stderr } = await run(["delete", "skill-version", "skill_1/skver_1"], { env, fetch });
  expect(stderr).toBe("failed skill_1/skver_1: 400 invalid_request_error: As it is (req_1)\n");
});

test("main() redacts an administrator's key of any look", async () => {
  const opaque = "SENTINEL+admin/0123=";
  const serve = () => Promise.reject(new Error(`it quotes ${opaque}`));
  const env = environment({ ANTHROPIC_ADMIN_KEY: opaque });
  const { stderr } = await run(["sandbox"], { env, serve });
  expect(stderr).toMatch(/: it quotes \[redacted\]/);
  expect(stderr).not.toContain(opaque);
});
