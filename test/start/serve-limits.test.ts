import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { start } from "../cli/runtimes.ts";

const commands: Readonly<Record<string, readonly string[]>> = {
  Node: ["node", "--import", "./scripts/npm-specifiers.ts"],
  Deno: ["deno", "run", "--allow-net", "--allow-env"],
  Bun: ["bun"],
};

const sockets = new Set<Socket>();
afterEach(() => sockets.forEach((socket) => socket.destroy()));

function open(port: number, text = ""): Socket {
  const socket = connect(port, "127.0.0.1");
  sockets.add(socket);
  socket.on("error", () => {}).once("close", () => sockets.delete(socket));
  if (text !== "") socket.write(text);
  return socket;
}

/** What comes over the wire, until the connection ends. */
async function raw(port: number, text: string): Promise<string> {
  let received = "";
  const socket = open(port, text);
  for await (const chunk of socket.setEncoding("utf8")) received += chunk;
  return received;
}

describe.each(Object.keys(commands))("serve() under %s", (runtime) => {
  async function begin(requestTimeout = 60_000) {
    // As many files as most systems permit.
    const limited = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh", ...commands[runtime] ?? []];
    const running = start([...limited, "test/fixtures/serve-process.ts"], {
      env: { REQUEST_TIMEOUT: String(requestTimeout) },
    });
    const [, url = ""] = await running.until("stdout", /Listening on (\S+)\n/);
    const stop = async (signal: "SIGTERM" | "SIGKILL" = "SIGTERM") => {
      running.child.kill(signal);
      return await running.ended;
    };
    return { url, port: Number(new URL(url).port), stop };
  }

  test("answers while 1,100 connections stay half open, and those with slow bodies", async () => {
    const { url, port, stop } = await begin();
    const begun = [
      "",
      "GET / HTT",
      "POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nab",
    ];
    // Few at a time: a system drops a connection beyond the server's backlog, and then waits for seconds.
    for (let count = 0; count < 1_100; count += 50) {
      const opened = Array.from({ length: 50 }, (_, index) => open(port, begun[index % 3]));
      await Promise.all(opened.map((socket) => once(socket, "connect")));
    }
    while (sockets.size > 200) await new Promise((resolve) => setTimeout(resolve, 20));
    for (let asked = 0; asked < 5; asked += 1) {
      expect(await (await fetch(url)).text()).toBe(`${url} /`);
    }
    expect(await stop("SIGKILL")).toMatchObject({ stderr: "" });
  });

  test.each([
    ["nothing", ""],
    ["half of a head", "GET / HTTP/1.1\r\nho"],
    ["half of a body", "POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nab"],
  ])("answers %s with 408 after a time", async (_, text) => {
    const { port, stop } = await begin(400);
    expect(await raw(port, text)).toMatch(/^HTTP\/1.1 408 /);
    expect(await stop()).toMatchObject({ code: 0, stderr: "" });
  });

  test("answers odd requests, and the path is what was asked for", async () => {
    const { url, port, stop } = await begin();
    const ask = async (line: string, ...headers: readonly string[]) => {
      const answer = await raw(port, [line, ...headers, "connection: close", "", ""].join("\r\n"));
      const [, status, body = ""] = /^HTTP\/1.1 (\d+) [^]*?\r\n\r\n([^]*)$/.exec(answer) ?? [];
      return `${status} ${/http\S+ (\S+)/.exec(body)?.[1] ?? ""}`;
    };
    expect(await ask("GET /healthz HTTP/1.0")).toBe("200 /healthz");
    expect(await ask("GET /healthz HTTP/1.1")).toBe("200 /healthz");
    for (const host of ["", "a b", "::1:80", "[", "x/v1#", "x?", "a@b", "-"]) {
      expect(await ask("GET /healthz HTTP/1.1", `host: ${host}`)).toBe("200 /healthz");
    }
    expect(await ask("GET http://x/healthz HTTP/1.1", "host: y")).toBe("200 /healthz");
    expect(await ask("GET //healthz HTTP/1.1", "host: y")).toBe("200 //healthz");
    expect(await ask("OPTIONS * HTTP/1.1", "host: y")).toBe("400 ");
    expect(await ask("TRACE / HTTP/1.1", "host: y")).toMatch(/^(400 |200 \/)$/); // as the runtime has it
    expect(await ask("GET / HTTP/1.1", "host: y", "content-length: 0")).toBe("200 /");
    expect(await (await fetch(url)).text()).toBe(`${url} /`);
    expect(await stop()).toMatchObject({ code: 0, stderr: "" });
  });

  test("writes nothing about a body that breaks off", async () => {
    const { url, port, stop } = await begin();
    for (const path of ["/body", "/"]) {
      for (const end of ["destroy", "resetAndDestroy"] as const) {
        const socket = open(
          port,
          `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\nab`,
        );
        await once(socket, "connect");
        expect(await (await fetch(url)).text()).toBe(`${url} /`); // so the other one has arrived
        socket[end]();
      }
    }
    expect(await (await fetch(url)).text()).toBe(`${url} /`);
    expect(await stop()).toMatchObject({ code: 0, stdout: /./, stderr: "" });
  });

  test("drain() waits for the answers under way, and ends every connection", async () => {
    const { url, port, stop } = await begin();
    const slow = open(
      port,
      "POST /body HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n",
    );
    let received = "";
    slow.setEncoding("utf8").on("data", (text) => received += text);
    await once(slow, "data"); // 100 Continue: it is under way
    const ended = stop();
    for (let header: string | null = ""; header !== "close";) {
      header = (await fetch(`${url}/again`)).headers.get("connection");
    }
    slow.write("abc");
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
    expect(received).toMatch(/\r\n\r\nHTTP\/1.1 200 OK[^]*connection: close[^]*\r\n3\r\n/i);
  });
});
