import { describe, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { BATCHES, call } from "../fixtures/sandbox/call.ts";

/** Five batches, `b1` the oldest, put in place out of order. */
function setUp(): Sandbox {
  const sandbox = createSandbox({ now: () => Date.parse("2024-10-01T00:00:00Z") });
  for (const day of [3, 1, 5, 2, 4]) {
    sandbox.seed({ id: `b${day}`, created_at: `2024-09-0${day}T00:00:00Z` });
  }
  return sandbox;
}

async function list(sandbox: Sandbox, query: string) {
  const { json } = await call(sandbox, "GET", `${BATCHES}${query}`);
  return { ...json, data: json.data.map(({ id }: { id: string }) => id) };
}

describe("list", () => {
  test("has the newest first", async () => {
    expect(await list(setUp(), "")).toEqual({
      data: ["b5", "b4", "b3", "b2", "b1"],
      has_more: false,
      first_id: "b5",
      last_id: "b1",
    });
  });

  test("goes on after after_id, without it", async () => {
    const sandbox = setUp();
    expect(await list(sandbox, "?limit=2&after_id=b5")).toEqual({
      data: ["b4", "b3"],
      has_more: true,
      first_id: "b4",
      last_id: "b3",
    });
    expect(await list(sandbox, "?limit=2&after_id=b3")).toEqual({
      data: ["b2", "b1"],
      has_more: false,
      first_id: "b2",
      last_id: "b1",
    });
    expect(await list(sandbox, "?after_id=b1")).toEqual({
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    });
  });

  test("goes back before before_id, without it: the page next to it, newest first", async () => {
    const sandbox = setUp();
    expect(await list(sandbox, "?limit=2&before_id=b1")).toEqual({
      data: ["b3", "b2"],
      has_more: true,
      first_id: "b3",
      last_id: "b2",
    });
    expect(await list(sandbox, "?limit=2&before_id=b3")).toEqual({
      data: ["b5", "b4"],
      has_more: false,
      first_id: "b5",
      last_id: "b4",
    });
  });

  test("has the later one first of two that were created at once", async () => {
    const sandbox = createSandbox({ now: () => 0 });
    sandbox.seed({ id: "first" });
    sandbox.seed({ id: "second" });
    expect((await list(sandbox, "")).data).toEqual(["second", "first"]);
  });

  test("has 20 batches by default and up to 1000", async () => {
    const sandbox = createSandbox();
    for (let i = 0; i < 1001; i++) sandbox.seed();
    expect((await list(sandbox, "")).data.length).toBe(20);
    const page = await list(sandbox, "?limit=1000");
    expect([page.data.length, page.has_more]).toEqual([1000, true]);
  });

  test.each(["0", "1001", "-1", "1.5", "many", ""])("refuses limit=%s", async (limit) => {
    const { status, json } = await call(setUp(), "GET", `${BATCHES}?limit=${limit}`);
    expect([status, json.error.type]).toEqual([400, "invalid_request_error"]);
  });

  test.each(["after_id=gone", "before_id=gone", "after_id=", "after_id=b5&before_id=b1"])(
    "refuses %s",
    async (query) => {
      const { status, json } = await call(setUp(), "GET", `${BATCHES}?${query}`);
      expect([status, json.error.type]).toEqual([400, "invalid_request_error"]);
    },
  );

  test("refuses the id of a deleted batch as a cursor, and goes on around it", async () => {
    const sandbox = setUp();
    await call(sandbox, "DELETE", `${BATCHES}/b3`);
    expect((await call(sandbox, "GET", `${BATCHES}?after_id=b3`)).status).toBe(400);
    expect((await list(sandbox, "?limit=2&after_id=b5")).data).toEqual(["b4", "b2"]);
    expect((await list(sandbox, "?limit=2&before_id=b1")).data).toEqual(["b4", "b2"]);
  });

  test("stays exact while most of many batches are deleted", async () => {
    const sandbox = createSandbox({ now: () => Date.parse("2024-10-01T00:00:00Z") });
    const ids = Array.from({ length: 500 }, (_, i) => `b${i}`);
    for (const id of ids) sandbox.seed({ id });
    for (const id of ids.filter((_, i) => i % 5 !== 0)) {
      await call(sandbox, "DELETE", `${BATCHES}/${id}`);
      if (id.endsWith("9")) await list(sandbox, "?limit=1");
    }
    const left = ids.filter((_, i) => i % 5 === 0).reverse();
    expect((await list(sandbox, "?limit=1000")).data).toEqual(left);
    expect((await list(sandbox, `?limit=3&after_id=${left[49]}`)).data).toEqual(left.slice(50, 53));
  });

  test("pages through 20,000 batches", async () => {
    const sandbox = createSandbox({ now: () => Date.parse("2024-10-01T00:00:00Z") });
    for (let i = 0; i < 20_000; i++) {
      // Newest first, so that each is put in out of order.
      sandbox.seed({ id: `b${i}`, created_at: new Date(1.7e12 - i).toISOString() });
    }
    let count = 0;
    for (let query = "?limit=1000"; query !== "";) {
      const page = await list(sandbox, query);
      expect(page.first_id).toBe(`b${count}`);
      count += page.data.length;
      query = page.has_more ? `?limit=1000&after_id=${page.last_id}` : "";
    }
    expect(count).toBe(20_000);
  });
});
