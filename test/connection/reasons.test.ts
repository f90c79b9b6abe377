/**
 * Why real requests fail, in real runtimes: on loopback, and for a name that no resolver knows.
 */
import { once } from "node:events";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLines, start } from "../cli/runtimes.ts";

const bin = "node_modules/.bin";
const script = "test/connection/reasons-process.ts";
const runtimes = {
  Node: [`${bin}/node`, "--import", "./scripts/npm-specifiers.ts", script],
  Deno: [`${bin}/deno`, "run", "--no-prompt", "--allow-net", script],
  Bun: [`${bin}/bun`, script],
};

/** Made for these tests, and trusted by none. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGichRmyW2p+VwSxl
N5SQe6yuOAQfzo0aY0wMnOHd11mhRANCAATuujyA0NLKd5lLLrNU/04MF5/Cb6/C
/BsUb25IqiPdz9vpRsNn3ul8HY+EMlZXmgBxAJwIcVSLQ0s4YeGFN8fW
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBjTCCATOgAwIBAgIUc1rZSrbLviXduhGyWvw+3zYN4+wwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODA2MDY1MloYDzIxMjYxMTA0
MDYwNjUyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATuujyA0NLKd5lLLrNU/04MF5/Cb6/C/BsUb25IqiPdz9vpRsNn3ul8
HY+EMlZXmgBxAJwIcVSLQ0s4YeGFN8fWo2EwXzAdBgNVHQ4EFgQUPye+ZxakLdII
3G5QMObzQQjlS9YwHwYDVR0jBBgwFoAUPye+ZxakLdII3G5QMObzQQjlS9YwDwYD
VR0RBAgwBocEfwAAATAMBgNVHRMBAf8EAjAAMAoGCCqGSM49BAMCA0gAMEUCICFI
xHls+d1FnwSh6J04R4XzOJN/WxubpEFy6rIqxe01AiEAnQkiwQpD+IMy/mh748sn
nLrBRSpAKD4y8kqesVnDu0Q=
-----END CERTIFICATE-----`;

const receipt = JSON.stringify({ id: "msgbatch_1", type: "message_batch_deleted" });
const servers: Server[] = [];

async function listen(server: Server, scheme = "http"): Promise<string> {
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server on raw sockets, which gets each request of a connection. */
function onRequest(answer: (socket: Socket, count: number, server: Server) => void): Server {
  let count = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {}).on("data", () => answer(socket, count += 1, server));
  });
  return server;
}

let untrusted = "";
let resetting = "";
let cutting = "";
let closed = "";
let tunnelless = "";

beforeAll(async () => {
  untrusted = await listen(createTlsServer({ key, cert }, (_, answer) => answer.end()), "https");
  resetting = await listen(onRequest((socket) => socket.resetAndDestroy()));
  cutting = await listen(onRequest((socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{");
    setTimeout(() => socket.resetAndDestroy(), 50);
  }));
  tunnelless = await listen(onRequest((socket) => {
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
  }));
  const server = createServer();
  closed = await listen(server);
  server.close();
});

afterAll(() => servers.forEach((server) => server.close()));

async function reasonsOf(
  command: readonly string[],
  ...urls: string[]
): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await start([...command, ...urls]).ended;
  expect([code, stderr]).toEqual([0, ""]);
  return jsonLines(stdout);
}

describe.each(Object.entries(runtimes))("under %s", (runtime, command) => {
  test("the reason is known, and whether something was sent", async () => {
    const unknownHost = "http://no-such-host.invalid";
    const seen = await reasonsOf(
      command,
      closed,
      "http://127.0.0.1:1",
      unknownHost.replace("http:", "https:"),
      untrusted,
      resetting,
      cutting,
    );
    const host = (url: string) => new URL(url).host;
    const unsent = { sent: false, outcomeKnown: true };
    const lost = { reason: "reset", sent: true, outcomeKnown: false };
    expect(seen).toEqual([
      { reason: "refused", ...unsent, why: `connection refused by ${host(closed)}` },
      { reason: "refused", ...unsent, why: "connection refused by 127.0.0.1:1" },
      { reason: "host_not_found", ...unsent, why: "host not found: no-such-host.invalid" },
      { reason: "certificate", ...unsent, why: `certificate of ${host(untrusted)} not trusted` },
      ...[resetting, cutting].map((url) => ({
        ...lost,
        why: `connection to ${host(url)} lost; it may have been done`,
      })),
    ]);
  });

  test("a refusal after a connection was used leaves a doubt, if it may be a repetition", async () => {
    let deletions = 0;
    const url = await listen(onRequest((socket, count, server) => {
      deletions += 1;
      if (count === 1) {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${receipt.length}\r\n\r\n${receipt}`);
      } else {
        // The deletion is done; its answer is lost, and the server is gone.
        server.close();
        socket.resetAndDestroy();
      }
    }));
    const [first, second] = await reasonsOf(command, url, url);
    expect(first).toMatchObject({ evidence: "receipt" });
    expect(second).toMatchObject({
      reason: runtime === "Node" ? "reset" : "refused",
      sent: true,
      outcomeKnown: false,
    });
    expect(deletions).toBe(2);
  });

  test("a proxy that is not there, or opens no tunnel, means that nothing was sent", async () => {
    for (const [proxy, reason] of [[closed, "refused"], [tunnelless, "unreachable"]] as const) {
      const env = { NODE_USE_ENV_PROXY: "1", HTTPS_PROXY: proxy };
      const { stdout } = await start([...command, "https://api.example"], { env }).ended;
      expect(jsonLines(stdout)).toMatchObject([{ reason, sent: false, outcomeKnown: true }]);
    }
  });
});

test("under Deno without the permission, nothing is sent", async () => {
  const command = runtimes.Deno.filter((argument) => argument !== "--allow-net");
  expect(await reasonsOf(command, resetting)).toEqual([{
    reason: "permission",
    sent: false,
    outcomeKnown: true,
    why: `no permission to connect to ${new URL(resetting).host}`,
  }]);
});
