import { describe, expect, test } from "vitest";
import { checkIds } from "../../src/cli/input/check-ids.ts";
import { collectIds } from "../../src/cli/input/collect-ids.ts";
import { createClient } from "../../src/cli/client/create-client.ts";
import { type Delete, deleteEach } from "../../src/cli/delete/delete-each.ts";
import { exitCode } from "../../src/cli/exit-code.ts";
import { type Kind, kinds, messageBatches } from "../../src/cli/kinds.ts";
import type { DeletionOutcome } from "../../src/purge/outcome.ts";
import { parseDuration } from "../../src/cli/input/parse-duration.ts";
import { readLines } from "../../src/cli/input/read-lines.ts";
import { createTally } from "../../src/cli/run/tally.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";

const { signal } = new AbortController();

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
  const read = (...chunks: (string | Uint8Array)[]) => all(readLines(chunksOf(...chunks), signal));

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
    await expect(all(readLines(endless(), signal))).rejects.toThrow("Cannot read line 1");
    expect(chunks).toBeLessThan(3);
  });
});

describe("collectIds()", () => {
  const notes: string[] = [];
  const collect = (args: string[], stdin = "", isTerminal = false) =>
    collectIds(args, {
      host: { stdin: { isTerminal, read: () => chunksOf(stdin) }, signal },
      output: { note: (text) => Promise.resolve(void notes.push(text)) },
    });

  test("takes arguments, and stdin in the place of -, each id once", async () => {
    expect(await collect(["b", "a", "b"], "c")).toEqual(["b", "a"]);
    expect(await collect(["a", "-", "b", "-"], "c\na\n")).toEqual(["a", "c", "b"]);
    expect(await collect([], "c\n")).toEqual(["c"]);
    expect(await collect(["-"], "c\n", true)).toEqual(["c"]);
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
  const kind = (name: string): Kind => {
    const found = kinds.find(({ resource }) => resource.name === name);
    if (found === undefined) throw new Error(`No kind is named ${name}`);
    return found;
  };

  test("suggests no kind that is there already", () => {
    expect(() => checkIds(["skils"], kind("skill"))).not.toThrow(/did you mean/);
    expect(() => checkIds(["skils"], kind("file"))).toThrow('did you mean the kind "skill"?');
  });

  test("names what cannot be used, fit for a terminal, and no more than five", () => {
    const bad = ["", "..", "\u001b[31m", "a b", "x/y", "x?y", "x%y"];
    expect(() => checkIds(bad, messageBatches, { insist: true })).toThrow(
      expect.objectContaining({
        exitCode: exitCode.usage,
        message: [
          'Cannot use id "": it is empty',
          'Cannot use id "..": it is not one path segment',
          'Cannot use id "\\u001b[31m": it is not one path segment',
          'Cannot use id "a b": it is not one path segment',
          'Cannot use id "x/y": it is not one path segment',
          "And 2 more",
        ].join("\n"),
      }),
    );
  });

  test("takes what begins as its own kind does, and a version of any look", () => {
    checkIds(["msgbatch_1"], messageBatches);
    checkIds(["skill_1/skver_1", "skill_1/1759178010641129"], kind("skill_version"));
    checkIds(["wrkspc_1/user_1"], kind("workspace_member"));
  });

  test("refuses what begins as no kind does, unless it is told to insist", () => {
    const refusal = (id: string, prefix: string) =>
      expect.objectContaining({
        message: `Cannot use id "${id}": it does not begin with "${prefix}"; ` +
          "--insist uses it all the same",
      });
    for (const { resource } of kinds) {
      const names = Object.keys(resource.prefixes);
      const id = names.map((name) => name === "version" ? "1" : "x").join("/");
      const check = () => checkIds([id], kind(resource.name));
      const [prefix = ""] = Object.values(resource.prefixes);
      expect(check).toThrow(`does not begin with "${prefix}"; --insist uses it all the same`);
      checkIds([id], kind(resource.name), { insist: true });
    }
    for (const id of ["x", "MSGBATCH_1", "msgbatch-1", "batch_1"]) {
      expect(() => checkIds([id], messageBatches)).toThrow(refusal(id, "msgbatch_"));
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
    const hint = `; --insist uses it all the same; did you mean the kind "${name}"?`;
    expect(() => checkIds([id], messageBatches)).toThrow(hint);
    expect(() => checkIds([id], messageBatches, { verb: "cancel" })).not.toThrow(/did you mean/);
  });

  test("refuses what begins as each other kind does, unless it is told to insist", () => {
    for (const { resource } of kinds) {
      for (const [param, prefix] of Object.entries(resource.prefixes)) {
        const ids = [`${prefix}1`];
        const own = Object.values(kind("file").resource.prefixes).includes(prefix);
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
      expect(() => checkIds([id], messageBatches)).toThrow(
        `Cannot use id ${JSON.stringify(id)}: it has ${
          JSON.stringify(what)
        } in it, as no id has; ` +
          "use --insist if it is a message batch",
      );
      checkIds([id], messageBatches, { insist: true });
    }
    checkIds(["msgbatch_01Hk-c.T~j"], messageBatches);
  });
});

describe("createClient()", () => {
  const create = (env: Record<string, string>, flags = {}) =>
    createClient({ env: (name) => env[name] }, {}, flags);

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
    createClient({ env: (name) => env[name] }, { ...administrative && { administrative } }, {});

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

describe("deleteEach()", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `msgbatch_${index}`);
  const run: Delete = (seen, id) => messageBatches.delete(seen, id, { allowMissing: false });
  const client = (fetch: () => Promise<Response>) => ({ apiKey: "k", maxRetries: 0, fetch });
  const refuse = (status: number, type: string) =>
    client(() => Promise.resolve(Response.json({ error: { type, message: "" } }, { status })));
  const code = (outcomes: readonly DeletionOutcome[]) => {
    const tally = createTally();
    for (const outcome of outcomes) tally.add(outcome);
    return [tally.summary(), tally.exitCode()];
  };

  test.each([
    [401, "authentication_error", "credentials_refused", exitCode.credentials],
    [403, "permission_error", "credentials_refused", exitCode.credentials],
    [403, "forbidden", "blocked", exitCode.failed],
    [402, "billing_error", "billing", exitCode.failed],
    [429, "rate_limit_error", "rate_limited", exitCode.failed],
  ])("stops at once after a %i %s", async (status, type, reason, exit) => {
    const outcomes = await all(deleteEach(refuse(status, type), ids(3), run, { signal }));
    expect(outcomes.slice(1)).toEqual([
      { outcome: "unattempted", id: "msgbatch_1", reason },
      { outcome: "unattempted", id: "msgbatch_2", reason },
    ]);
    expect(code(outcomes)).toEqual(["3 ids: 1 failed, 2 unattempted", exit]);
  });

  test("goes on after nine outages in a row, twice", async () => {
    const sandbox = createSandbox();
    const flaky = { apiKey: "k", maxRetries: 0, fetch: sandbox.fetch };
    const seeded = ids(20).map((id) => sandbox.seed({ id }).id);
    sandbox.fail({ status: 503, times: 9 });
    const path = `/v1/messages/batches/${seeded[9]}`;
    sandbox.fail({ headers: {}, path });
    sandbox.fail({ status: 503, times: 9 });
    const outcomes = await all(deleteEach(flaky, seeded, run, { signal }));
    expect(code(outcomes)).toEqual(["20 ids: 2 deleted, 18 failed", exitCode.failed]);
  });

  test("stops after ten outages in a row, not after ten refusals", async () => {
    const lost = client(() => Promise.reject(new TypeError("lost")));
    const outages = await all(deleteEach(lost, ids(12), run, { signal }));
    expect(code(outages)).toEqual(["12 ids: 10 failed, 2 unattempted", exitCode.failed]);
    const missing = await all(
      deleteEach(refuse(404, "not_found_error"), ids(12), run, { signal }),
    );
    expect(code(missing)).toEqual(["12 ids: 12 failed", exitCode.failed]);
  });

  test("starts nothing after an interruption", async () => {
    const interruption = new AbortController();
    const sandbox = createSandbox();
    const seeded = [sandbox.seed().id, sandbox.seed().id];
    const fetch = (url: string, init: RequestInit) => {
      interruption.abort();
      return sandbox.fetch(url, init);
    };
    const { signal } = interruption;
    const outcomes = await all(deleteEach({ apiKey: "k", fetch }, seeded, run, { signal }));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["deleted", "unattempted"]);
    expect(code(outcomes)).toEqual(["2 ids: 1 deleted, 1 unattempted", exitCode.interrupted]);
    expect(sandbox.size).toBe(1);
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
