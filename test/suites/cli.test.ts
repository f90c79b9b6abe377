import { describe, expect, test } from "vitest";
import { checkIds, kinds, readIds } from "../../src/cli/ids.ts";
import { createClient } from "../../src/cli/client.ts";
import { workOnIds } from "../../src/cli/by-id.ts";
import { exitCode } from "../../src/cli/errors.ts";
import { parseDuration, wrap } from "../../src/cli/text.ts";
import { readLines } from "../../src/cli/input.ts";
import { type DeletableResource, messageBatch } from "../../src/core/delete.ts";
import type { Outcome } from "../../src/cli/report.ts";
import { createCommandStage } from "../fixtures/command-stage.ts";
import { createMemoryFiles } from "../cli/memory-files.ts";

const { signal } = new AbortController();
const output = { note: () => Promise.resolve() };

async function* chunksOf(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
  }
}

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const collected: Value[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}

describe("readLines()", () => {
  const read = (...chunks: (string | Uint8Array)[]) => all(readLines(chunksOf(...chunks)));

  test("joins and splits chunks anywhere, within a character too", async () => {
    const bytes = new TextEncoder().encode("\ufeff one\r\n\n  tw\u00f6 \nthree");
    const whole = ["one", "tw\u00f6", "three"];
    expect(await read(bytes)).toEqual(whole);
    expect(await read(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
    expect(await read()).toEqual([]);
  });

  test("refuses a line over 1 KiB, and text that is not UTF-8", async () => {
    expect(await read("x".repeat(1024))).toHaveLength(1);
    await expect(read("a\n", "x".repeat(1025))).rejects.toThrow("Cannot read line 2: it is longer");
    await expect(read(Uint8Array.of(0xff, 10))).rejects.toThrow(
      "Cannot read line 1: it is not UTF",
    );
  });

  test("reads no further than a line that is too long", async () => {
    let chunks = 0;
    const endless = async function* () {
      for (; chunks < 100; chunks++) yield new Uint8Array(600);
    };
    await expect(all(readLines(endless()))).rejects.toThrow("Cannot read line 1");
    expect(chunks).toBeLessThan(3);
  });
});

describe("readIds()", () => {
  const notes: string[] = [];
  const files = createMemoryFiles({ "ids.txt": "x\n\ny\n", none: "" });
  const collect = (args: string[], stdin = "", isTerminal = false) =>
    readIds(args, messageBatch, { insist: true }, {
      host: { stdin: { isTerminal, read: () => chunksOf(stdin) }, signal, files },
      output: { note: (text) => Promise.resolve(void notes.push(text)) },
    });

  test("takes arguments, and stdin in the place of -, each id once", async () => {
    expect(await collect(["b", "a", "b"], "c")).toEqual(["b", "a"]);
    expect(await collect(["a", "-", "b", "-"], "c\na\n")).toEqual(["a", "c", "b"]);
    expect(await collect([], "c\n")).toEqual(["c"]);
    expect(await collect(["-"], "c\n", true)).toEqual(["c"]);
  });

  test("takes the lines of a file in the place of @FILE", async () => {
    expect(await collect(["a", "@ids.txt", "x"], "c")).toEqual(["a", "x", "y"]);
    expect(await collect(["@none"])).toEqual([]);
    await expect(collect(["@gone"])).rejects.toThrow("Cannot read gone: there is no such file");
  });

  test("says at a terminal that it waits for ids, and nowhere else", async () => {
    notes.length = 0;
    await collect(["a", "-"], "c\n");
    await collect(["a"], "", true);
    expect(notes).toEqual([]);
    await collect(["a", "-"], "c\n", true);
    expect(notes).toEqual(["Reading ids from stdin, one on a line; Ctrl-D ends them\n"]);
  });

  test("refuses to delete nothing, unless - was asked for", async () => {
    await expect(collect([])).rejects.toMatchObject({ exitCode: exitCode.usage });
    await expect(collect([], "", true)).rejects.toMatchObject({ exitCode: exitCode.usage });
    expect(await collect(["-"])).toEqual([]);
  });

  test("refuses more than 100,000 ids", async () => {
    const most = Array.from({ length: 100_000 }, (_, index) => `${index}`);
    expect(await collect(most)).toHaveLength(100_000);
    await expect(collect([...most, "-"], "0\n")).rejects.toThrow("more than 100000 ids");
  });
});

describe("checkIds()", () => {
  const kind = (name: string): DeletableResource => {
    const found = kinds.find((resource) => resource.name === name);
    if (found === undefined) throw new Error(`No kind is named ${name}`);
    return found;
  };

  test("suggests no kind that is there already", () => {
    expect(() => checkIds(["skils"], kind("skill"))).not.toThrow(/did you mean/);
    expect(() => checkIds(["skils"], kind("file"))).toThrow('did you mean "delete skill"?');
  });

  test("names what cannot be used, fit for a terminal, and no more than five", () => {
    const bad = ["", "..", "\u001b[31m", "a b", "x/y", "x?y", "x%y"];
    expect(() => checkIds(bad, messageBatch, { insist: true })).toThrow(
      expect.objectContaining({
        exitCode: exitCode.usage,
        message: [
          'Cannot use id "": it is empty',
          'Cannot use id "..": it is not one path segment',
          'Cannot use id "\\u001b[31m": it is not one path segment',
          'Cannot use id "a b": it is not one path segment',
          'Cannot use id "x/y": it is not one path segment',
          "and 2 more",
        ].join("\n"),
      }),
    );
  });

  test("takes what begins as its own kind does, and a version of any look", () => {
    checkIds(["msgbatch_1"], messageBatch);
    checkIds(["skill_1/skver_1", "skill_1/1759178010641129"], kind("skill_version"));
    checkIds(["wrkspc_1/user_1"], kind("workspace_member"));
  });

  test("refuses what begins as no kind does, unless it is told to insist", () => {
    const refusal = (id: string, prefix: string) =>
      expect.objectContaining({
        message: expect.stringContaining(
          `Cannot use id "${id}": it does not begin with "${prefix}"; use --insist if it is `,
        ),
      });
    for (const resource of kinds) {
      const names = Object.keys(resource.prefixes);
      const id = names.map((name) => name === "version" ? "1" : "x").join("/");
      const check = () => checkIds([id], kind(resource.name));
      const [prefix = ""] = Object.values(resource.prefixes);
      expect(check).toThrow(`does not begin with "${prefix}"; use --insist if it is `);
      checkIds([id], kind(resource.name), { insist: true });
    }
    for (const id of ["x", "MSGBATCH_1", "msgbatch-1", "batch_1"]) {
      expect(() => checkIds([id], messageBatch)).toThrow(refusal(id, "msgbatch_"));
    }
    expect(() => checkIds(["files_1"], kind("file"))).toThrow(refusal("files_1", "file_"));
  });

  test.each([
    ["skils", "skill"],
    ["skill", "skill"],
    ["files", "file"],
    ["Users", "user"],
    ["memory_stores", "memory-store"],
    ["message-batches", "message-batch"],
    ["worksapce-member", "workspace-member"],
  ])("takes %s for the kind %s, mistyped", (id, name) => {
    const hint = `; use --insist if it is a message batch; did you mean "delete ${name}"?`;
    expect(() => checkIds([id], messageBatch)).toThrow(hint);
    expect(() => checkIds([id], messageBatch, { verb: "cancel" })).not.toThrow(/did you mean/);
  });

  test("takes no id for a kind, mistyped", () => {
    expect(() => checkIds(["MSGBATCH_1"], messageBatch)).not.toThrow(/did you mean/);
  });

  test("refuses what begins as each other kind does, unless it is told to insist", () => {
    for (const resource of kinds) {
      for (const [param, prefix] of Object.entries(resource.prefixes)) {
        const ids = [`${prefix}1`];
        const own = Object.values(kind("file").prefixes).includes(prefix);
        const check = () => checkIds(ids, kind("file"));
        if (own) check();
        else expect(check, param).toThrow("; use --insist if it is a file");
        checkIds(ids, kind("file"), { insist: true });
      }
    }
  });
});

describe("checkIds() of what has come out of a table", () => {
  test("refuses what no id has in it, unless it is told to insist", () => {
    const rows = { "a,b": ",", '"msgbatch_1"': '"', "msgbatch_1|ended": "|", "msgbatch_ä": "ä" };
    for (const [id, what] of Object.entries(rows)) {
      expect(() => checkIds([id], messageBatch)).toThrow(
        `Cannot use id ${JSON.stringify(id)}: it has ${
          JSON.stringify(what)
        } in it, as no id has; ` +
          "use --insist if it is a message batch",
      );
      checkIds([id], messageBatch, { insist: true });
    }
    checkIds(["msgbatch_01Hk-c.T~j"], messageBatch);
  });
});

describe("createClient()", () => {
  const create = (env: Record<string, string>, flags = {}) =>
    createClient({ host: { env: (name) => env[name] }, output }, flags);

  test("takes blank variables as unset, and options before them", () => {
    const env = { ANTHROPIC_API_KEY: " ", ANTHROPIC_AUTH_TOKEN: "t", ANTHROPIC_BASE_URL: "\n" };
    const unset = { apiKey: undefined, authToken: "t", baseUrl: "https://api.anthropic.com" };
    expect(create(env)).toMatchObject(unset);
    const url = { ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "https://a.example" };
    expect(create(url)).toMatchObject({ baseUrl: "https://a.example" });
    expect(create(url, { baseUrl: "https://b.example" })).toMatchObject({
      baseUrl: "https://b.example",
    });
  });

  test("tells credentials that are missing or broken from other mistakes", () => {
    const broken = { ANTHROPIC_API_KEY: "k\nk" };
    expect(() => create({})).toThrow(expect.objectContaining({ exitCode: exitCode.credentials }));
    expect(() => create(broken)).toThrow(
      expect.objectContaining({
        exitCode: exitCode.credentials,
        message: expect.stringMatching(/^Cannot use ANTHROPIC_API_KEY: /),
      }),
    );
    expect(() => create({ ANTHROPIC_API_KEY: '"k"' })).toThrow(
      expect.objectContaining({
        exitCode: exitCode.credentials,
        message: "Cannot use ANTHROPIC_API_KEY: it is in quotes: leave them out",
      }),
    );
    expect(() => create({ ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "'http://x'" })).toThrow(
      expect.objectContaining({ exitCode: exitCode.usage }),
    );
    expect(() => create({ ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "ftp://x" })).toThrow(
      expect.objectContaining({
        exitCode: exitCode.usage,
        message: expect.stringMatching(/^Cannot use --base-url or ANTHROPIC_BASE_URL: /),
      }),
    );
  });
});

describe("createClient() for the organization", () => {
  const key = { ANTHROPIC_API_KEY: "k", ANTHROPIC_AUTH_TOKEN: "t", ANTHROPIC_WORKSPACE_ID: "w" };
  const create = (env: Record<string, string>, administrative?: true) =>
    createClient(
      { host: { env: (name) => env[name] }, output },
      {},
      { ...messageBatch, ...administrative && { administrative } },
    );

  test("takes the administrator's key, no token and no workspace", () => {
    const client = create({ ...key, ANTHROPIC_ADMIN_KEY: " a " }, true);
    expect(client).toMatchObject({ apiKey: "a" });
    expect([client.authToken, client.workspaceId]).toEqual([undefined, undefined]);
  });

  test("leaves the administrator's key alone for everything else", () => {
    expect(JSON.stringify(create({ ...key, ANTHROPIC_ADMIN_KEY: "admin" }))).not.toContain("admin");
    expect(() => create({ ANTHROPIC_ADMIN_KEY: "admin" })).toThrow("Cannot find credentials");
  });
});

describe("workOnIds()", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `msgbatch_${index}`);
  const remove = async (
    fetch: () => Promise<Response>,
    count: number,
  ): Promise<{ code: number; outcomes: Outcome[]; stderr: string }> => {
    const stage = createCommandStage({ client: { fetch, maxRetries: 0 } });
    const code = await workOnIds(
      stage.client,
      "delete",
      ids(count),
      { json: true, concurrency: 1 },
      stage,
    );
    return { code, outcomes: stage.jsonLines() as Outcome[], stderr: stage.written.stderr };
  };
  const refuse = (status: number, type: string, headers = {}) => () =>
    Promise.resolve(Response.json({ error: { type, message: "" } }, { status, headers }));

  test.each([
    [401, "authentication_error", "credentials_refused", exitCode.credentials],
    [403, "forbidden", "blocked", exitCode.failed],
    [402, "billing_error", "billing", exitCode.failed],
    [429, "rate_limit_error", "rate_limited", exitCode.failed],
  ])("stops at once after a %i %s", async (status, type, reason, exit) => {
    const { code, outcomes, stderr } = await remove(
      refuse(status, type, { "retry-after": "61" }),
      3,
    );
    expect(outcomes.slice(1)).toEqual([
      { outcome: "unattempted", id: "msgbatch_1", reason },
      { outcome: "unattempted", id: "msgbatch_2", reason },
    ]);
    expect([code, stderr]).toEqual([
      exit,
      expect.stringMatching(/\. 2 are left\n.*\n3 message batches: 1 failed, 2 unattempted\n$/),
    ]);
  });

  test("goes on after nine outages in a row, twice", async () => {
    const stage = createCommandStage();
    const seeded = ids(20).map((id) => stage.sandbox.seed({ id }).id);
    stage.sandbox.fail({ status: 503, times: 9 });
    stage.sandbox.fail({ headers: {}, path: `/v1/messages/batches/${seeded[9]}` });
    stage.sandbox.fail({ status: 503, times: 9 });
    const code = await workOnIds(stage.client, "delete", seeded, { concurrency: 1 }, stage);
    expect([code, stage.sandbox.size]).toEqual([exitCode.failed, 18]);
    expect(stage.written.stderr).toMatch(/\n20 message batches: 2 deleted, 18 failed\n$/);
  });

  test("stops after ten outages in a row, not after ten refusals", async () => {
    const outages = await remove(() => Promise.reject(new TypeError("lost")), 12);
    expect([outages.code, outages.stderr]).toEqual([
      exitCode.failed,
      expect.stringContaining("12 message batches: 10 failed, 2 unattempted\n"),
    ]);
    const missing = await remove(refuse(404, "not_found_error", { "request-id": "req_1" }), 12);
    expect([missing.code, missing.stderr]).toEqual([
      exitCode.failed,
      "12 message batches: 12 failed\n",
    ]);
  });

  test("names three of many with the same cause, and says how many more there are", async () => {
    const stage = createCommandStage();
    const code = await workOnIds(stage.client, "delete", ids(185), {}, stage);
    expect(code).toBe(exitCode.failed);
    const lines = stage.written.stderr.trimEnd().split("\n");
    expect(lines).toEqual([
      ...Array(3).fill(expect.stringMatching(/^failed msgbatch_\d+: 404 not_found_error: /)),
      expect.stringMatching(/^failed 182 more: 404 not_found_error: /),
      "185 message batches: 185 failed",
    ]);
  });

  test("starts nothing after an interruption", async () => {
    const stage = createCommandStage();
    const seeded = [stage.sandbox.seed().id, stage.sandbox.seed().id];
    const fetch = (url: string, init: RequestInit) => {
      stage.interrupt();
      return stage.sandbox.fetch(url, init);
    };
    const client = { ...stage.client, fetch };
    const code = await workOnIds(client, "delete", seeded, { json: true }, stage);
    expect(stage.jsonLines()).toMatchObject([{ outcome: "deleted" }, { outcome: "unattempted" }]);
    expect([code, stage.sandbox.size]).toEqual([exitCode.interrupted, 1]);
  });
});

describe("parseDuration()", () => {
  test("needs a number and a unit", () => {
    expect(["500ms", "1.5s", "2m", "12h", "7d"].map(parseDuration)).toEqual(
      [500, 1_500, 120_000, 43_200_000, 604_800_000],
    );
    for (const text of ["", "5", "s", "-1s", "1w", "1 s", "1e3s", "1s ", "1D"]) {
      expect(parseDuration(text)).toBeUndefined();
    }
  });
});

describe("wrap()", () => {
  test("breaks between two words, indents the rest, and cuts no word", () => {
    expect(wrap("failed a: no such batch\nshort\n", 12)).toBe(
      "failed a: no\n  such batch\nshort\n",
    );
    const id = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";
    expect(wrap(`deleted ${id} (receipt)`, 20)).toBe(`deleted\n  ${id} (receipt)`);
    expect(wrap("any length", Infinity)).toBe("any length");
  });

  test("keeps the second column of a table, unless a word has no room there", () => {
    expect(wrap("Because    It ended 5 days ago\n           or more", 24)).toBe(
      "Because    It ended 5\n           days ago\n           or more",
    );
    expect(wrap(`Head        ${"f".repeat(20)}`, 24)).toBe(`Head\n  ${"f".repeat(20)}`);
  });

  test("makes no line that is too long, and loses no word", () => {
    const text = Array.from({ length: 60 }, (_, index) => "word".slice(index % 4)).join(" ");
    for (let columns = 8; columns < 90; columns += 1) {
      const lines = wrap(text, columns).split("\n");
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      expect(lines.map((line) => line.trim()).join(" ")).toBe(text);
    }
  });
});
