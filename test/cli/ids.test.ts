import { describe, expect, test } from "vitest";
import { type CommandStage, createCommandStage, type StageOptions } from "./command-stage.ts";

const encoder = new TextEncoder();

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve(chunks);
}

/** What would be deleted of these ids. Nothing is sent. */
const idsOf = async (args: readonly string[], options: StageOptions = {}) => {
  const stage = createCommandStage(options);
  const code = await stage.run("delete", "--dry-run", "--insist", ...args);
  const { stdout, stderr } = stage.written;
  const ids = [...stdout.matchAll(/^would delete (.*)$/gm)].map(([, id]) => id);
  return { code, ids, stderr };
};
const piped = (text: string): StageOptions => ({ input: () => chunksOf(encoder.encode(text)) });

describe("lines of ids", () => {
  test("come in chunks that end anywhere, within a character too", async () => {
    const bytes = encoder.encode("\ufeff one\r\n\n  tw\u00f6 \nthree");
    for (const chunks of [[bytes], [...bytes].map((byte) => Uint8Array.of(byte))]) {
      const { ids } = await idsOf([], { input: () => chunksOf(...chunks) });
      expect(ids).toEqual(["one", "tw\u00f6", "three"]);
    }
  });

  test("have 1 KiB at most, and are UTF-8", async () => {
    expect((await idsOf([], piped("x".repeat(1_024)))).ids).toHaveLength(1);
    const long = await idsOf([], piped(`a\n${"x".repeat(1_025)}`));
    expect([long.code, long.stderr]).toEqual([
      2,
      "Cannot read line 2: it is longer than 1024 bytes\n",
    ]);
    const { stderr } = await idsOf([], { input: () => chunksOf(Uint8Array.of(0xff, 10)) });
    expect(stderr).toBe("Cannot read line 1: it is not UTF-8 text\n");
  });

  test("are read no further than one that is too long", async () => {
    let chunks = 0;
    const endless = async function* () {
      for (; chunks < 100; chunks++) yield await Promise.resolve(new Uint8Array(600));
    };
    expect((await idsOf([], { input: endless })).stderr).toMatch(/^Cannot read line 1: /);
    expect(chunks).toBeLessThan(3);
  });
});

describe("ids", () => {
  const files = { "ids.txt": "x\n\ny\n", none: "" };

  test.each<[string[], StageOptions, string[]]>([
    [["b", "a", "b"], piped("c"), ["b", "a"]],
    [["a", "-", "b", "-"], piped("c\na\n"), ["a", "c", "b"]],
    [[], piped("c\n"), ["c"]],
    [["-"], { answer: "c\n" }, ["c"]],
    [["a", "@ids.txt", "x"], { files }, ["a", "x", "y"]],
    [["@none"], { files }, []],
    [["-"], piped(""), []],
  ])("are taken from %j with %j, each once", async (args, options, ids) => {
    expect(await idsOf(args, options)).toMatchObject({ code: 0, ids });
  });

  test("are waited for with a word at a terminal, and nowhere else", async () => {
    const word = "Reading ids from stdin, one on a line; Ctrl-D ends them\n";
    expect((await idsOf(["a", "-"], { answer: "c\n" })).stderr).toContain(word);
    expect((await idsOf(["a"], { answer: "" })).stderr).not.toContain(word);
    expect((await idsOf(["a", "-"], piped("c\n"))).stderr).not.toContain(word);
  });

  test("are given, unless - was asked for", async () => {
    for (const options of [piped(""), { answer: "" }]) {
      const { code, stderr } = await idsOf([], options);
      const none = "Cannot delete: no id is given; give ids, @FILE, or - for stdin\n";
      expect([code, stderr]).toEqual([2, none]);
    }
  });

  test("are 100,000 at most", async () => {
    const refusal = async (count: number) => {
      const lines = Array.from({ length: count }, (_, index) => `${index}\n`);
      return (await idsOf(["-", "a/b"], piped(lines.join("")))).stderr;
    };
    expect(await refusal(99_999)).toContain('"a/b"');
    expect(await refusal(100_000)).toBe("Cannot delete: more than 100000 ids are given\n");
  });

  test("that are wrong are named, five at most, without control characters", async () => {
    const bad = ["", "..", "\u001b[31m", "a b", "x/y", "x?y", "x%y"];
    expect(await idsOf(bad)).toMatchObject({
      code: 2,
      stderr: [
        'Cannot use id "": it is empty',
        'Cannot use id "..": it is not one path segment',
        'Cannot use id "\\u001b[31m": it is not one path segment',
        'Cannot use id "a b": it is not one path segment',
        'Cannot use id "x/y": it is not one path segment',
        "and 2 more\n",
      ].join("\n"),
    });
  });
});

describe("ids of another look", () => {
  const refusal = async (...args: string[]) => {
    const { run, written, sandbox } = createCommandStage();
    expect([await run(args[0] ?? "", ...args.slice(1)), sandbox.requests]).toEqual([2, []]);
    return written.stderr;
  };

  test("are refused, with the kind that may be meant, if it is another", async () => {
    expect(await refusal("delete", "skill", "skils")).not.toContain("did you mean");
    expect(await refusal("delete", "file", "skils")).toContain('did you mean "delete skill"?');
    expect(await refusal("delete", "MSGBATCH_1")).not.toContain("did you mean");
  });

  test.each(["x", "MSGBATCH_1", "msgbatch-1", "batch_1"])("are refused: %s", async (id) => {
    expect(await refusal("delete", id)).toContain(
      `Cannot use id "${id}": it does not begin with "msgbatch_"; use --insist if it is `,
    );
  });

  test.each([
    ["skils", "skill"],
    ["skill", "skill"],
    ["files", "file"],
    ["Users", "user"],
    ["memory_stores", "memory-store"],
    ["message-batches", "message-batch"],
    ["worksapce-member", "workspace-member"],
  ])("may be a kind that is mistyped: %s for %s", async (id, name) => {
    const hint = `; use --insist if it is a message batch; did you mean "delete ${name}"?`;
    expect(await refusal("delete", "msgbatch_1", id)).toContain(hint);
    expect(await refusal("cancel", "msgbatch_1", id)).not.toContain("did you mean");
  });

  test.each(
    [["a,b", ","], ['"msgbatch_1"', '"'], ["msgbatch_1|ended", "|"], ["msgbatch_ä", "ä"]],
  )("may have come out of a table: %s", async (id, what) => {
    const has = `it has ${JSON.stringify(what)} in it, as no id has`;
    expect(await refusal("delete", id)).toBe(
      `Cannot use id ${JSON.stringify(id)}: ${has}; use --insist if it is a message batch\n`,
    );
    expect((await idsOf([id])).ids).toEqual([id]);
  });

  test("are taken where the API documents none", async () => {
    for (const args of [["msgbatch_01Hk-c.T~j"], ["skill-version", "skill_1/1759178010641129"]]) {
      expect(await createCommandStage().run("delete", "--dry-run", ...args)).toBe(0);
    }
  });
});

describe("the client of the command", () => {
  /** What is sent with these variables. */
  const sent = async (env: Readonly<Record<string, string>>, ...flags: string[]) => {
    const requests: Request[] = [];
    const { run, written } = createCommandStage({
      env,
      fetch: (url, init) => {
        requests.push(new Request(url, init));
        return Promise.resolve(new Response("", { status: 500 }));
      },
    });
    const code = await run("list", ...flags);
    return { code, request: requests[0], stderr: written.stderr };
  };

  test("takes blank variables as unset, and options before them", async () => {
    const env = { ANTHROPIC_API_KEY: " ", ANTHROPIC_AUTH_TOKEN: "t", ANTHROPIC_BASE_URL: "\n" };
    const { request } = await sent(env);
    expect(request?.headers.get("authorization")).toBe("Bearer t");
    expect(request?.headers.has("x-api-key")).toBe(false);
    expect(request?.url).toMatch(/^https:\/\/api\.anthropic\.com\/v1\//);
    const other = { ANTHROPIC_BASE_URL: "https://a.example" };
    expect((await sent(other)).request?.url).toMatch(/^https:\/\/a\.example\/v1\//);
    const flagged = await sent(other, "--base-url", "https://b.example");
    expect(flagged.request?.url).toMatch(/^https:\/\/b\.example\/v1\//);
  });

  test.each([
    [{ ANTHROPIC_API_KEY: "" }, 4, /^Cannot find credentials: /],
    [{ ANTHROPIC_API_KEY: "k\nk" }, 4, /^Cannot use ANTHROPIC_API_KEY: /],
    [{ ANTHROPIC_API_KEY: '"k"' }, 4, /^Cannot use ANTHROPIC_API_KEY: it is in quotes: leave them/],
    [{ ANTHROPIC_BASE_URL: "'http://x'" }, 2, /^Cannot use .*ANTHROPIC_BASE_URL: /],
    [{ ANTHROPIC_BASE_URL: "ftp://x" }, 2, /^Cannot use --base-url or ANTHROPIC_BASE_URL: /],
  ])("tells credentials from other mistakes: %j", async (env, code, message) => {
    expect(await sent(env)).toEqual({
      code,
      request: undefined,
      stderr: expect.stringMatching(message),
    });
  });
});

describe("delete", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `msgbatch_${index}`);
  const remove = async (fetch: StageOptions["fetch"], count: number) => {
    const stage = createCommandStage({ fetch });
    const code = await stage.run("delete", "--json", "--concurrency", "1", ...ids(count));
    return { code, outcomes: stage.jsonLines(), stderr: stage.written.stderr };
  };
  const refuse = (status: number, type: string, headers = {}) => () =>
    Promise.resolve(Response.json({ error: { type, message: "" } }, { status, headers }));

  test.each([
    [401, "authentication_error", "credentials_refused", 4],
    [403, "forbidden", "blocked", 1],
    [402, "billing_error", "billing", 1],
    [429, "rate_limit_error", "rate_limited", 1],
  ])("stops at once after a %i %s", async (status, type, reason, exit) => {
    const answer = refuse(status, type, { "retry-after": "61" });
    const { code, outcomes, stderr } = await remove(answer, 3);
    expect(outcomes.slice(1)).toEqual([
      { outcome: "unattempted", id: "msgbatch_1", reason },
      { outcome: "unattempted", id: "msgbatch_2", reason },
    ]);
    expect([code, stderr]).toEqual([
      exit,
      expect.stringMatching(/\. 2 are left\n.*\n3 message batches: 1 failed, 2 unattempted\n$/),
    ]);
  });

  const seedAll = ({ sandbox }: CommandStage, count: number) =>
    ids(count).map((id) => sandbox.seed({ id }).id);

  test("goes on after nine outages in a row, twice", async () => {
    const stage = createCommandStage();
    const seeded = seedAll(stage, 20);
    stage.sandbox.fail({ status: 503, times: 9 });
    stage.sandbox.fail({ headers: {}, path: `/v1/messages/batches/${seeded[9]}` });
    stage.sandbox.fail({ status: 503, times: 9 });
    const code = await stage.run("delete", "--concurrency", "1", ...seeded);
    expect([code, stage.sandbox.size]).toEqual([1, 18]);
    expect(stage.written.stderr).toMatch(/\n20 message batches: 2 deleted, 18 failed\n$/);
  });

  test("stops after ten outages in a row, not after ten refusals", async () => {
    const outages = await remove(() => Promise.reject(new TypeError("lost")), 12);
    expect([outages.code, outages.stderr]).toEqual([
      1,
      expect.stringContaining("12 message batches: 10 failed, 2 unattempted\n"),
    ]);
    const missing = await remove(refuse(404, "not_found_error", { "request-id": "req_1" }), 12);
    expect([missing.code, missing.stderr]).toEqual([1, "12 message batches: 12 failed\n"]);
  });

  test("names three of many with the same cause, and says how many more there are", async () => {
    const stage = createCommandStage();
    expect(await stage.run("delete", ...ids(185))).toBe(1);
    const lines = stage.written.stderr.trimEnd().split("\n");
    expect(lines).toEqual([
      ...Array(3).fill(expect.stringMatching(/^failed msgbatch_\d+: 404 not_found_error: /)),
      expect.stringMatching(/^failed 182 more: 404 not_found_error: /),
      "If it may be gone already, say --allow-missing",
      "185 message batches: 185 failed",
    ]);
  });

  test("starts nothing after an interruption", async () => {
    const stage = createCommandStage({ onAnswer: () => stage.interrupt() });
    expect(await stage.run("delete", "--json", ...seedAll(stage, 2))).toBe(130);
    expect(stage.jsonLines()).toMatchObject([{ outcome: "deleted" }, { outcome: "unattempted" }]);
    expect(stage.sandbox.size).toBe(1);
  });
});
