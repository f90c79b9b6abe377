import { describe, expect, test } from "vitest";
import { createSandbox, type Fault, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { BATCHES, call, HEADERS, ORIGIN, toRequest } from "../fixtures/sandbox/call.ts";

const PATH = `${BATCHES}/b`;

/** A sandbox with one ended batch and some faults. */
function setUp(faults: readonly Fault[], options: SandboxOptions = {}) {
  const sandbox = createSandbox({ random: () => 0, ...options });
  sandbox.seed({ id: "b" });
  for (const fault of faults) sandbox.fail(fault);
  return sandbox;
}

describe("fail() status", () => {
  test("is answered instead of the effect, once", async () => {
    const sandbox = setUp([{ status: 529 }]);
    const { status, headers, json } = await call(sandbox, "DELETE", PATH);
    expect(status).toBe(529);
    expect(headers.get("request-id")).toBe("req_010000000000000000000001");
    expect(headers.get("anthropic-workspace-id")).toBe("wrkspc_011CZkZaBF1tNoB5wlCeusgy");
    expect(json).toEqual({
      type: "error",
      error: { type: "overloaded_error", message: "An error that the sandbox was asked for." },
      request_id: "req_010000000000000000000001",
    });
    expect(sandbox.size).toBe(1);
    expect((await call(sandbox, "DELETE", PATH)).status).toBe(200);
  });

  test("is answered after the effect with after", async () => {
    const sandbox = setUp([{ status: 500, after: true }]);
    const { status, json } = await call(sandbox, "DELETE", PATH);
    expect([status, json.error.type]).toEqual([500, "api_error"]);
    expect(sandbox.size).toBe(0);
    expect((await call(sandbox, "DELETE", PATH)).status).toBe(404);
  });

  test.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [402, "billing_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [408, "invalid_request_error"],
    [409, "conflict_error"],
    [413, "request_too_large"],
    [429, "rate_limit_error"],
    [500, "api_error"],
    [503, "api_error"],
    [504, "timeout_error"],
    [529, "overloaded_error"],
  ])("%i has the documented type %s", async (status, type) => {
    expect((await call(setUp([{ status }]), "DELETE", PATH)).json.error.type).toBe(type);
  });

  test("takes type, message, details and headers", async () => {
    const sandbox = setUp([{
      status: 429,
      type: "rate_limit_error",
      message: "Spent",
      details: { error_code: "enforced_spend_limit_reached" },
      headers: { "Retry-After": "3", "x-should-retry": "false" },
    }]);
    const { headers, json } = await call(sandbox, "DELETE", PATH);
    expect(json).toEqual({
      type: "error",
      error: {
        type: "rate_limit_error",
        message: "Spent",
        details: { error_code: "enforced_spend_limit_reached" },
      },
      request_id: "req_010000000000000000000001",
    });
    expect([headers.get("retry-after"), headers.get("x-should-retry")]).toEqual(["3", "false"]);
  });

  test.each<[string, Fault, [number, string | null, string]]>([
    ["HTML", { status: 403, body: "<html>", headers: { "content-type": "text/html" } }, [
      403,
      "text/html",
      "<html>",
    ]],
    ["a wrong object", { body: { id: "c", type: "message_batch_deleted" } }, [
      200,
      "application/json",
      '{"id":"c","type":"message_batch_deleted"}',
    ]],
    ["an empty 200", { body: null }, [200, null, ""]],
    ["a 204", { status: 204 }, [204, null, ""]],
  ])("takes a body: %s", async (_, fault, expected) => {
    const sandbox = setUp([fault]);
    const { status, headers, text } = await call(sandbox, "DELETE", PATH);
    expect([status, headers.get("content-type"), text]).toEqual(expected);
    expect(sandbox.size).toBe(1);
  });

  test("takes a redirect", async () => {
    const sandbox = setUp([{ status: 307, headers: { location: "https://evil.test/" } }]);
    const { status, headers } = await call(sandbox, "DELETE", PATH);
    expect([status, headers.get("location")]).toEqual([307, "https://evil.test/"]);
  });

  test("adds headers to the true answer if there is nothing else", async () => {
    const sandbox = setUp([{ headers: { "request-id": "req_other" } }]);
    const { headers, json } = await call(sandbox, "DELETE", PATH);
    expect([headers.get("request-id"), json.id, sandbox.size]).toEqual(["req_other", "b", 0]);
  });
});

describe("fail() connection", () => {
  test.each<["lost_before" | "lost_after", number]>([["lost_before", 1], ["lost_after", 0]])(
    "%s rejects as fetch does and leaves %i batches",
    async (connection, left) => {
      const sandbox = setUp([{ connection }]);
      await expect(sandbox.fetch(toRequest("DELETE", PATH))).rejects.toThrow(TypeError);
      expect(sandbox.size).toBe(left);
      expect(sandbox.requests.map(({ method, status }) => [method, status])).toEqual([
        ["DELETE", undefined],
      ]);
    },
  );
});

describe("fail() truncate", () => {
  /** What could be read before the body broke off. */
  async function read(response: Response): Promise<[number, string | null]> {
    const reader = response.body?.getReader();
    let size = 0;
    let failure: string | null = null;
    while (reader && failure === null) {
      const result = await reader.read().catch((error: Error) => error);
      if (result instanceof Error) failure = result.name;
      else if (result.done) return [size, null];
      else size += result.value.byteLength;
    }
    return [size, failure];
  }

  test("breaks the body off half-way, after the effect", async () => {
    const sandbox = setUp([{ truncate: true }]);
    const response = await sandbox.fetch(toRequest("DELETE", PATH));
    const whole = '{"id":"b","type":"message_batch_deleted"}';
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String(whole.length));
    expect(await read(response)).toEqual([Math.floor(whole.length / 2), "TypeError"]);
    expect(sandbox.size).toBe(0);
  });

  test.each([0, 7])("breaks the body off after %i bytes", async (truncate) => {
    const response = await setUp([{ truncate }]).fetch(toRequest("DELETE", PATH));
    expect(await read(response)).toEqual([truncate, "TypeError"]);
  });

  test("breaks the body of an error off too", async () => {
    const response = await setUp([{ status: 500, truncate: 3 }]).fetch(toRequest("DELETE", PATH));
    expect(response.status).toBe(500);
    expect(await read(response)).toEqual([3, "TypeError"]);
  });

  test("breaks results off half-way", async () => {
    const sandbox = createSandbox();
    const { id } = sandbox.seed({ requests: 2000, text: "é".repeat(100) });
    const path = `${BATCHES}/${id}/results`;
    const whole = new TextEncoder().encode((await call(sandbox, "GET", path)).text).byteLength;
    sandbox.fail({ truncate: true });
    const response = await sandbox.fetch(toRequest("GET", path));
    expect(response.headers.get("content-length")).toBe(String(whole));
    expect(await read(response)).toEqual([Math.floor(whole / 2), "TypeError"]);
  });
});

describe("fail() delay", () => {
  test("withholds the effect and the answer for that long", async () => {
    let finish = () => {};
    const slept: number[] = [];
    const sleep = (ms: number) => {
      slept.push(ms);
      return new Promise<void>((resolve) => finish = resolve);
    };
    const sandbox = setUp([{ delay: 5000 }], { sleep });
    const answer = call(sandbox, "DELETE", PATH);
    expect([slept, sandbox.size]).toEqual([[5000], 1]);
    finish();
    expect((await answer).status).toBe(200);
    expect(sandbox.size).toBe(0);
  });

  test.each([[false, 1], [true, 0]])(
    "ends when the caller aborts, with after: %s and %i batches left",
    async (after, left) => {
      const abort = new AbortController();
      let started = () => {};
      const sleeping = new Promise<void>((resolve) => started = resolve);
      const sleep = () => {
        started();
        return new Promise<void>(() => {});
      };
      const sandbox = setUp([{ delay: 5000, after }], { sleep });
      const answer = sandbox.fetch(toRequest("DELETE", PATH, { signal: abort.signal }));
      await sleeping;
      abort.abort(new RangeError("Enough"));
      await expect(answer).rejects.toThrow("Enough");
      expect(sandbox.size).toBe(left);
    },
  );

  test("is not needed for an abort: a request aborted before does nothing", async () => {
    const sandbox = setUp([]);
    const signal = AbortSignal.abort();
    await expect(sandbox.fetch(`${ORIGIN}${PATH}`, { method: "DELETE", headers: HEADERS, signal }))
      .rejects.toThrow();
    expect([sandbox.size, sandbox.requests.length]).toEqual([1, 0]);
  });
});

describe("fail() strikes", () => {
  const statuses = async (sandbox: ReturnType<typeof setUp>, ...calls: [string, string][]) => {
    const found: number[] = [];
    for (const [method, path] of calls) found.push((await call(sandbox, method, path)).status);
    return found;
  };

  test("in order, each as often as times says", async () => {
    const sandbox = setUp([{ status: 500, times: 2 }, { status: 529 }]);
    const get: [string, string] = ["GET", PATH];
    expect(await statuses(sandbox, get, get, get, get)).toEqual([500, 500, 529, 200]);
  });

  test("only the method it names", async () => {
    const sandbox = setUp([{ method: "delete", status: 500 }]);
    expect(await statuses(sandbox, ["GET", PATH], ["DELETE", PATH])).toEqual([200, 500]);
  });

  test.each<[string, string | RegExp]>([
    ["path", PATH],
    ["template", "/v1/messages/batches/{message_batch_id}"],
    ["match", /b$/g],
  ])("only the path it names: by %s", async (_, path) => {
    const sandbox = setUp([{ path, status: 500, times: 2 }]);
    const calls: [string, string][] = [["GET", BATCHES], ["GET", PATH], ["DELETE", PATH]];
    expect(await statuses(sandbox, ...calls, ["GET", PATH])).toEqual([200, 500, 500, 200]);
  });

  test("with its probability, without end", async () => {
    const numbers = [0.1, 0.9, 0.49, 0.5];
    let i = -1;
    const sandbox = createSandbox({ random: () => i < 0 ? 0 : numbers[i] ?? 0 });
    sandbox.seed({ id: "b" });
    sandbox.fail({ probability: 0.5, status: 500 });
    const found: number[] = [];
    for (i = 0; i < 4; i++) found.push((await call(sandbox, "GET", PATH)).status);
    expect(found).toEqual([500, 200, 500, 200]);
  });

  test("no more after clearFaults()", async () => {
    const sandbox = setUp([{ status: 500, times: Infinity }]);
    sandbox.clearFaults();
    expect(await statuses(sandbox, ["GET", PATH])).toEqual([200]);
  });

  test("never if there is nothing in it", () => {
    expect(() => createSandbox().fail({ method: "GET" })).toThrow(TypeError);
  });
});
