import { describe, expect, test } from "vitest";
import { verifyAuditTrail } from "../../src/audit/mod.ts";
import {
  createService,
  type Environment,
  type LogRecord,
  type Storage,
} from "../../src/service/mod.ts";
import { StorageError } from "../../src/storage/mod.ts";
import { entriesOf, entryOf, linesOf, textOf } from "../fixtures/audit-entries.ts";
import { timersOf } from "../fixtures/timers.ts";
import { hash, otherToken, token } from "../fixtures/gateway.ts";
import { createMemoryStorage } from "../fixtures/memory-storage.ts";
import { apiKey } from "../fixtures/stub.ts";

/** A service with an audit trail of six entries, and a token that may read it. */
async function setUp(
  { environment, signal, ...change }: Partial<Storage> & {
    readonly environment?: Environment;
    readonly signal?: AbortSignal | undefined;
  } = {},
) {
  const storage = createMemoryStorage();
  storage.written.push(...entriesOf(6));
  const log: LogRecord[] = [];
  const service = createService({
    client: { apiKey },
    environment: {
      GATEWAY_TOKENS: JSON.stringify([
        { name: "auditor", sha256: await hash(token), allow: ["audit:read"] },
        { name: "deleter", sha256: await hash(otherToken) },
      ]),
      ...environment,
    },
    storage: { ...storage, ...change },
    signal,
    log: (record) => log.push(record),
  });
  const get = (query = "", headers: Record<string, string> = { "x-api-key": token }, init = {}) =>
    service.fetch(new Request(`http://localhost/audit${query}`, { headers, ...init }));
  return { storage, service, get, log };
}

async function problem(response: Response, status: number) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const body = await response.json();
  expect([response.status, body.status]).toEqual([status, status]);
  return body.detail;
}

describe("GET /audit", () => {
  test("gives the same bytes each time, then what is new, and a head verifies them", async () => {
    const { storage, get } = await setUp();
    const response = await get();
    expect([response.status, response.headers.get("content-type")])
      .toEqual([200, "application/x-ndjson"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const text = await response.text();
    expect(text).toBe(textOf(linesOf(entriesOf(6))));
    expect(await (await get("", { authorization: `Bearer ${token}` })).text()).toBe(text);

    const { head } = await verifyAuditTrail((await get()).body ?? []);
    await storage.auditTrail.append(entryOf(7));
    expect(await verifyAuditTrail((await get()).body ?? [], { head }))
      .toMatchObject({ entries: 7, unreadable: 0, unchanged: true });
  });

  test("gives the entries of an object, and of a time in any zone", async () => {
    const { get } = await setUp();
    const linesFor = async (query: string) =>
      (await (await get(query)).text()).split("\n").length - 1;
    expect(await linesFor("?id=msgbatch_3")).toBe(2);
    expect(await linesFor("?id=msgbatch_2")).toBe(0);
    expect(await linesFor("?since=2026-11-22T00:00:03Z")).toBe(4);
    expect(await linesFor("?since=2026-11-22T01:00:03%2B01:00&until=2026-11-22T00:00:05Z")).toBe(2);
    expect(await linesFor("?since=2026-11-22T00:00:03.000Z&id=msgbatch_3")).toBe(2);
  });

  test.each([
    ["?limit=1", '"limit": only id, since and until are known'],
    ["?id=", '"id": it is empty'],
    ["?id=a&id=b", '"id": it is given twice'],
    ["?since=2026-11-22", '"since": it is not an RFC 3339 date-time'],
    ["?until=2026-02-30T00:00:00Z", '"until": it is not an RFC 3339 date-time'],
    ["?since=9999-12-31T23:59:59-23:59", '"since": it is not an RFC 3339 date-time'],
    ["?until=0000-01-01T00:00:00%2B00:01", '"until": it is not an RFC 3339 date-time'],
    ["?since=2026-11-22T01:00:03+01:00", '"since": it is not an RFC 3339 date-time'],
  ])("refuses %s", async (query, why) => {
    const { get } = await setUp();
    expect(await problem(await get(query), 400)).toBe(`Cannot use ${why}`);
  });

  test("is for a token that may read it", async () => {
    const { get } = await setUp();
    expect(await problem(await get("?limit=1", {}), 401)).toBe("Invalid token");
    expect(await problem(await get("", { "x-api-key": otherToken }), 403)).toContain('"deleter"');
    expect(await problem(await get("", undefined, { method: "DELETE" }), 405)).toContain("GET");
  });

  test("leaves nothing behind after HEAD, nor when it was read or left", async () => {
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
    signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
    const { get } = await setUp({ signal });
    const head = await get("", undefined, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    await (await get()).text();
    await (await get()).body?.cancel();
    expect(listeners.size).toBe(0);
  });

  test("is at its path only, not at one that decodes to it", async () => {
    const { get } = await setUp();
    expect((await get("/../%61udit")).status).toBe(400);
  });

  test("is 503 without a trail, and when the database cannot be used", async () => {
    const invalid = await setUp({ environment: { GRACE_PERIOD: "soon" } });
    expect(await problem(await invalid.get(), 500)).toContain("Cannot use GRACE_PERIOD");
    const off = await setUp({ environment: { AUDIT: "off" } });
    expect(await problem(await off.get(), 503)).toContain("there is no database with one");
    const { storage, get } = await setUp();
    storage.fail(new StorageError("D1_ERROR: Network connection lost."));
    expect(await problem(await get(), 503)).toBe("Cannot answer: the database cannot be used");
  });

  test("breaks if the database fails in the middle, and reads no more than is taken", async () => {
    let read = 0;
    const { get, log } = await setUp({
      async *lines() {
        for (read = 1; read <= 3; read += 1) yield await Promise.resolve(`{"page":${read}}\n`);
        throw new StorageError("D1_ERROR: Network connection lost.");
      },
    });
    await expect((await get()).text()).rejects.toThrow("Network connection lost");
    expect(log).toMatchObject([
      { route: "/audit", status: 200 },
      { route: "/audit", outcome: "failed", error: { code: "ERR_STORAGE" } },
    ]);
    const reader = (await get()).body?.getReader();
    expect(read).toBe(1);
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('{"page":1}\n');
    await reader?.read();
    expect(read).toBe(2);
    await reader?.cancel();
    expect(read).toBe(2);
  });

  test("breaks if the service stops, and the reader is slow", async () => {
    const stop = new AbortController();
    const { get, log } = await setUp({
      environment: { GRACE_PERIOD: "0.02" },
      signal: stop.signal,
      async *lines() {
        yield '{"page":1}\n';
        await new Promise(() => {});
      },
    });
    const response = await get();
    stop.abort();
    await expect(response.text()).rejects.toThrow("the service stops");
    expect(log.at(-1)).toMatchObject({ route: "/audit", outcome: "failed" });
    expect(await problem(await get(), 503)).toContain("the service stops");
  });

  test("breaks if the service stops before the first entry was read, and after an hour", async () => {
    const stop = new AbortController();
    for (const signal of [stop.signal, undefined]) {
      const { get } = await setUp({
        environment: { GRACE_PERIOD: "0.02" },
        signal,
        async *lines() {
          if (signal) stop.abort();
          yield '{"page":1}\n';
          await new Promise(() => {});
        },
      });
      using _hour = timersOf(3_600_000, () => signal ? 3_600_000 : 20);
      await expect((await get()).text()).rejects.toThrow("takes too long, or the service stops");
    }
  });
});
