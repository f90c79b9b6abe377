import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../src/adapters/serve.ts";
import { openSqlite, readSqliteTrail } from "../../src/adapters/sqlite.ts";
import { createService, createStorage, type Storage } from "../../src/service/mod.ts";
import { collect, entriesOf, linesOf, textOf } from "../fixtures/audit-entries.ts";
import { gatewayTokens, hash, token } from "../fixtures/gateway.ts";
import { apiKey } from "../fixtures/stub.ts";
import { environment, run } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";
import { names, runtimes, start } from "./runtimes.ts";

const auditToken = "audit-token-of-the-tests";
const url = "https://batchsweep.example.com/audit";
const text = textOf(linesOf(entriesOf(600)));

/** A service whose database has a trail, or one whose database fails in the middle of it. */
let folder = "";
let path = "";
let storage: Storage;
let environmentOfService: Readonly<Record<string, string>>;
const service = (change: Partial<Storage> = {}) =>
  createService({
    client: { apiKey },
    environment: environmentOfService,
    storage: { ...storage, ...change },
  });
const failing: Partial<Storage> = {
  async *lines() {
    yield await Promise.resolve(textOf(linesOf(entriesOf(6))));
    throw new Error("D1_ERROR: Network connection lost.");
  },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  path = join(folder, "batchsweep.sqlite");
  const database = openSqlite(path);
  storage = createStorage(database);
  const { auditTrail } = storage;
  await Promise.all(entriesOf(600).map((entry) => auditTrail.append(entry)));
  const auditor = { name: "auditor", sha256: await hash(auditToken), allow: ["audit:read"] };
  environmentOfService = {
    GATEWAY_TOKENS: JSON.stringify([...JSON.parse(await gatewayTokens()), auditor]),
  };
  return () => database.close();
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `audit` with a service behind the network. */
const audit = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = { AUDIT_TOKEN: auditToken },
  answer: (request: Request) => Promise<Response> = (request) => service().fetch(request),
) =>
  run(["audit", ...args], {
    env: environment(env),
    fetch: (address, init) => answer(new Request(address, init)),
  });

describe("audit reads a trail from the service", () => {
  test("the same as from a file", async () => {
    const files = createMemoryFiles({ "a.jsonl": text });
    const exported = await audit(["export", url]);
    expect(exported).toMatchObject({ code: 0, stdout: text });
    const [, head = ""] = /^600 entries\n {2}Head (\S+)\n$/.exec(exported.stderr) ?? [];
    for (const command of ["verify", "report"]) {
      const fromFile = await run(["audit", command, "a.jsonl", "--head", head], { files });
      const fromService = await audit([command, url, "--head", head]);
      expect(fromService.code).toBe(0);
      expect(fromService.stdout).toBe(fromFile.stdout.replace("a.jsonl", url));
    }
    const headers = { "content-type": "Application/X-NDJSON; charset=utf-8" }; // as a proxy has it
    const answer = () => Promise.resolve(new Response(text, { headers }));
    expect((await audit(["head", url], undefined, answer)).stdout).toBe(`${head}\n`);
    const part = await audit(["export", `${url}?id=msgbatch_3`]);
    expect(part.stdout).toBe(textOf(linesOf(entriesOf(4).slice(2))));
  });

  test.each([
    [{}, url, 4, "Cannot find credentials: set AUDIT_TOKEN\n"],
    [
      { AUDIT_TOKEN: "a\u00e9" },
      url,
      4,
      /^Cannot use AUDIT_TOKEN: it is empty, or has a character/,
    ],
    [{ AUDIT_TOKEN: "other" }, url, 4, `Cannot read ${url}: the answer is 401: "Invalid token"\n`],
    [{ AUDIT_TOKEN: token }, url, 4, /the answer is 403: .*audit:read/],
    [undefined, `${url}?limit=1`, 2, /the answer is 400: .*only id, since and until are known/],
    [undefined, "http://example.com/audit", 2, /^Cannot use the URL: it is neither HTTPS nor/],
    [
      undefined,
      "https://a:SENTINEL@b.example/audit",
      2,
      "Cannot use the URL: it holds credentials\n",
    ],
    [undefined, "https://", 2, "Cannot use the URL: it is not an absolute URL\n"],
  ])("with %o refuses %s", async (env, address, code, message) => {
    const ended = await audit(["verify", address], env);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toMatch(message);
  });

  test("and nothing else: no redirect is followed, and no page is a trail", async () => {
    const asked: string[] = [];
    const answering = (answer: Response) => (request: Request) => {
      asked.push(request.url);
      expect([request.redirect, request.headers.get("x-api-key")]).toEqual(["manual", auditToken]);
      return Promise.resolve(answer);
    };
    const moved = new Response(null, { status: 302, headers: { location: "https://b.example/" } });
    for (
      const [answer, why] of [
        [moved, "the answer is 302"],
        [new Response("<html>"), 'it is no audit trail ("text/plain;charset=UTF-8")'],
        [Response.json({ detail: 1 }, { status: 500 }), "the answer is 500"],
        [new Response("x".repeat(100_000), { status: 500 }), "the answer is 500"],
      ] as const
    ) {
      expect(await audit(["export", url], undefined, answering(answer)))
        .toEqual({ code: 2, stdout: "", stderr: `Cannot read ${url}: ${why}\n` });
    }
    expect(asked).toEqual(Array(4).fill(url));
  });
});

describe("audit reads a trail from a SQLite database", () => {
  for (const runtime of names) {
    test(`and notices a connection that breaks, under ${runtime}`, async () => {
      const server = await serve(service(failing).fetch);
      const host = new URL(server.url).host;
      const deno = runtimes.Deno(host, ["AUDIT_TOKEN"]).slice(0, -1);
      const command = runtime === "Deno"
        ? [...deno, `--allow-read=${path}`, "src/adapters/deno.ts"]
        : runtimes[runtime]();
      const before = await readFile(path);
      const fromFile = await start([...command, "audit", "export", path]).ended;
      expect(fromFile).toMatchObject({ code: 0, stdout: text });
      expect(await readFile(path)).toEqual(before);

      const env = { AUDIT_TOKEN: auditToken };
      const { code, stderr, stdout } = await start(
        [...command, "audit", "verify", `${server.url}/audit`],
        { env },
      ).ended;
      await server.close();
      expect([code, stdout, stderr])
        .toEqual([2, "", `Cannot read ${server.url}/audit: connection to ${host} lost\n`]);
    });
  }

  test("and refuses one without a trail", async () => {
    const other = join(folder, "other.sqlite");
    const database = new DatabaseSync(other);
    database.exec("CREATE TABLE a (b)");
    database.close();
    await expect(collect(readSqliteTrail(other))).rejects.toThrow(
      "the database has no audit trail",
    );
    await writeFile(other, "SQLite format 3\0");
    await expect(collect(readSqliteTrail(other))).rejects.toThrow("file is not a database");
  });

  test("but a text that only begins like one from the file", async () => {
    const files = createMemoryFiles({ "a": "SQLite", "b": `SQLite format 3\0\n${text}` });
    expect((await run(["audit", "verify", "a"], { files })).stderr)
      .toBe("Cannot use a: it is no audit trail\n");
    expect(await run(["audit", "export", "b"], { files })).toMatchObject({ code: 0, stdout: text });
  });
});
