import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";

let server: Server | undefined;
afterEach(() => server?.close());

async function start(handler: (request: Request) => Promise<Response>): Promise<string> {
  server = await serve(handler);
  return server.url;
}

/** What comes over the wire, until the connection ends. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("utf8").on("data", (data) => received += data);
    socket.on("error", () => {}).on("close", () => resolve(received));
  });
}

describe("serve()", () => {
  test("hands the request over and the answer back", async () => {
    const url = await start(async (request) =>
      new Response(
        JSON.stringify([
          request.method,
          request.url,
          request.headers.get("x-a"),
          await request.text(),
        ]),
        { status: 201, headers: [["x-b", "c"], ["set-cookie", "d=1"], ["set-cookie", "e=2"]] },
      )
    );
    const response = await fetch(`${url}//p%20q?r=s`, {
      method: "PUT",
      headers: { "x-a": "1" },
      body: "body",
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-b")).toBe("c");
    expect(response.headers.getSetCookie()).toEqual(["d=1", "e=2"]);
    expect(await response.json()).toEqual(["PUT", `${url}//p%20q?r=s`, "1", "body"]);
  });

  test("hands a repeated header over as one list", async () => {
    const url = await start(({ headers }) => Promise.resolve(new Response(headers.get("x-a"))));
    const port = Number(new URL(url).port);
    const lines = ["GET / HTTP/1.1", "Host: a", "X-A: 1", "X-A: 2", "Connection: close", "", ""];
    expect(await raw(port, lines.join("\r\n"))).toMatch(/1, 2/);
  });

  test("streams bodies in both directions", async () => {
    const url = await start((request) => Promise.resolve(new Response(request.body)));
    const size = 5_000_000;
    const response = await fetch(url, { method: "POST", body: new Uint8Array(size).fill(7) });
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect([bytes.length, bytes.every((byte) => byte === 7)]).toEqual([size, true]);
  });

  test("passes an answer without a body on", async () => {
    const url = await start(() => Promise.resolve(new Response(null, { status: 204 })));
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  test("destroys the socket when the handler rejects", async () => {
    const url = await start(() => Promise.reject(new Error("No")));
    await expect(fetch(url)).rejects.toThrow(TypeError);
    const port = Number(new URL(url).port);
    expect(await raw(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).toBe("");
  });

  test("sends what there was and destroys the socket when a body errors", async () => {
    const sandbox = createSandbox();
    sandbox.seed({ id: "b" });
    sandbox.fail({ truncate: true, times: 2 });
    const url = await start(sandbox.fetch);
    const headers = { "x-api-key": "k", "anthropic-version": "2023-06-01" };
    const response = await fetch(`${url}/v1/messages/batches/b`, { headers });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    const port = Number(new URL(url).port);
    const lines = ["DELETE /v1/messages/batches/b HTTP/1.1", "Host: a", "X-Api-Key: k"];
    const received = await raw(
      port,
      [...lines, "Anthropic-Version: 2023-06-01", "", ""].join("\r\n"),
    );
    expect(received).toMatch(/content-length: 41\r\n/i);
    expect(received.split("\r\n\r\n")[1]).toBe('{"id":"b","type":"me');
  });

  test("aborts the signal and cancels the body when the client goes away", async () => {
    const [aborted, canceled] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const url = await start((request) => {
      request.signal.addEventListener("abort", () => aborted.resolve());
      return Promise.resolve(
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
            cancel: () => canceled.resolve(),
          }),
        ),
      );
    });
    const abort = new AbortController();
    const response = await fetch(url, { signal: abort.signal });
    await response.body?.getReader().read();
    abort.abort();
    await Promise.all([aborted.promise, canceled.promise]);
    const again = await fetch(url);
    expect(again.status).toBe(200);
    await again.body?.cancel();
  });

  test("cancels the body of an answer that comes when the client is gone", async () => {
    const canceled = Promise.withResolvers<void>();
    const client = new AbortController();
    const url = await start(({ signal }) => {
      setTimeout(() => client.abort());
      const body = new ReadableStream({ cancel: () => canceled.resolve() });
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve(new Response(body)))
      );
    });
    await expect(fetch(url, { signal: client.signal })).rejects.toThrow();
    await canceled.promise;
  });

  test("aborts the signal of a handler that still works on its answer", async () => {
    let reason: unknown;
    const aborted = Promise.withResolvers<void>();
    const client = new AbortController();
    const url = await start((request) =>
      new Promise((_, reject) => {
        setTimeout(() => client.abort()); // not before: a busy machine is slow to come here
        request.signal.addEventListener("abort", () => {
          reason = request.signal.reason;
          reject(reason);
          aborted.resolve();
        });
      })
    );
    await expect(fetch(url, { signal: client.signal })).rejects.toThrow();
    await aborted.promise;
    expect((reason as Error).name).toBe("AbortError");
  });

  test("close() ends connections that are open and those that are idle", async () => {
    const reached = Promise.withResolvers<void>();
    const url = await start((request) => {
      if (request.url.endsWith("/idle")) return Promise.resolve(new Response("ok"));
      reached.resolve();
      return new Promise(() => {});
    });
    expect(await (await fetch(`${url}/idle`)).text()).toBe("ok");
    const open = fetch(`${url}/open`).then(() => "answered", () => "ended");
    await reached.promise;
    await server?.close();
    server = undefined;
    expect(await open).toBe("ended");
    await expect(fetch(url)).rejects.toThrow();
  });

  test("rejects when the port is taken", async () => {
    const url = await start(() => Promise.resolve(new Response()));
    await expect(serve(() => Promise.reject(), { port: Number(new URL(url).port) })).rejects
      .toThrow(
        /EADDRINUSE|in use/,
      );
  });
});
