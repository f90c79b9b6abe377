/**
 * A fetch handler behind `node:http`, which Node, Deno and Bun have: for the sandbox, the service and
 * tests. What goes wrong in the handler goes wrong on the wire, so that clients meet it for real.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

/** Where to listen. */
export interface ServeOptions {
  /** @default "127.0.0.1" */
  readonly hostname?: string | undefined;
  /** 0 takes any port that is free. @default 0 */
  readonly port?: number | undefined;
}

/** A server that listens. */
export interface Server {
  /** Origin, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and closes every connection, idle or not. */
  close(): Promise<void>;
}

/**
 * Serves a fetch handler over HTTP.
 *
 * @param handler Answers a request. When it rejects, or the body of its answer errors, the socket is
 *   destroyed. When the client goes away, `request.signal` is aborted and the body is canceled.
 * @param options Where to listen.
 * @returns The server, once it listens.
 */
export async function serve(
  handler: (request: Request) => Promise<Response>,
  { hostname = "127.0.0.1", port = 0 }: ServeOptions = {},
): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    answer(handler, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, hostname, resolve);
  });
  const address = server.address() as AddressInfo;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const response = await handler(toRequest(incoming, gone.signal));
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  if (!response.body) return void outgoing.end();
  outgoing.flushHeaders();
  // A body that errors destroys the socket; a client that goes away cancels the body.
  await pipeline(Readable.fromWeb(response.body as NodeReadableStream), outgoing);
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const hasBody = "transfer-encoding" in headers || Number(headers["content-length"] ?? 0) > 0;
  const pairs = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value])
  );
  // A Host with more in it than a host would change the path.
  const host = /^[\w.:[\]-]+$/.test(headers.host ?? "") ? headers.host : "localhost";
  return new Request(`http://${host}${url}`, {
    method,
    headers: pairs,
    signal,
    // Streaming a body up asks for `duplex`, which not all type libraries know yet.
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }),
  });
}
