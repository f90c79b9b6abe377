/**
 * A gateway before the sandboxes of the tests, as companies run them: only it holds the real key,
 * headers come twice, pages are small, `results_url` names what is behind it, and whatever it does not
 * know is a 404 of its own.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const maxPageSize = 100;
const routes = /\/v1\/messages\/batches(\/[^/]+(\/results|\/cancel)?)?$/;

/** Starts the gateway. Its keys begin with `sk-virtual-`, the real ones with `sk-ant-api03-`. Its paths are those of the server behind it. */
export async function startGateway(
  upstream: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    forward(upstream, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function forward(
  upstream: string,
  { url = "", method = "GET", headers }: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const refuse = (status: number, body: object) =>
    outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const { pathname, searchParams } = new URL(url, upstream);
  const [, key] = String(headers["x-api-key"]).match(/^sk-virtual-(.*)/) ?? [];
  if (key === undefined) return void refuse(401, { detail: "Unknown key" });
  if (!routes.test(pathname)) return void refuse(404, { detail: "Not Found" });
  if (Number(searchParams.get("limit")) > maxPageSize) {
    const message = `limit: Input should be less than or equal to ${maxPageSize}`;
    const error = { type: "invalid_request_error", message };
    return void refuse(400, { type: "error", error });
  }
  const version = String(headers["anthropic-version"]);
  const answer = await fetch(upstream + url, {
    method,
    headers: { "x-api-key": `sk-ant-api03-${key}`, "anthropic-version": version },
  });
  const text = await answer.text();
  outgoing.statusCode = answer.status;
  outgoing.sendDate = false;
  for (const [name, value] of answer.headers) {
    if (!/^(connection|keep-alive|transfer-encoding|content-length)$/.test(name)) {
      outgoing.setHeader(name, [value, value]);
    }
  }
  outgoing.setHeader("connection", "close");
  outgoing.end(text.replaceAll(upstream, "https://upstream.internal:4000"));
}
