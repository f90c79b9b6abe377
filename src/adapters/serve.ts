/**
 * A fetch handler behind `node:http`, which Node, Deno and Bun have: for the sandbox, the service and
 * tests. What goes wrong in the handler goes wrong on the wire, so that clients meet it for real.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { checkOptions, type Checks, isNumber, isText } from "../core/check.ts";

/** Where to listen, and how long to wait for requests. */
export interface ServeOptions {
  /** @default "127.0.0.1" */
  readonly hostname?: string | undefined;
  /** 0 takes any port that is free. @default 0 */
  readonly port?: number | undefined;
  /** How long a request may take to arrive, in milliseconds. Then it is answered 408. @default 20_000 */
  readonly requestTimeout?: number | undefined;
  /**
   * How many connections may be open without a whole request. For one more, the oldest is closed.
   *
   * @default 256
   */
  readonly maxWaiting?: number | undefined;
}

const checks: Checks<ServeOptions> = {
  hostname: isText,
  port: isNumber(0, 65_535, { whole: true }),
  requestTimeout: isNumber(1, 3_600_000),
  maxWaiting: isNumber(1, 1e6, { whole: true }),
};

/** A server that listens. */
export interface Server {
  /** Origin, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and closes every connection, idle or not. */
  close(): Promise<void>;
  /** Waits until the requests under way are answered, then closes. Every answer ends its connection. */
  drain(): Promise<void>;
}

/**
 * Serves a fetch handler over HTTP.
 *
 * @param handler Answers a request. Its URL begins with the server's own, whatever `Host` says. When
 *   the handler rejects, or the body of its answer errors, the socket is destroyed. When the client goes
 *   away, `request.signal` is aborted and the body is canceled.
 * @param options Where to listen, and how long to wait for requests.
 * @returns The server, once it listens.
 * @throws {TypeError | RangeError} An option cannot be used.
 */
export async function serve(
  handler: (request: Request) => Promise<Response>,
  options: ServeOptions = {},
): Promise<Server> {
  const { hostname = "127.0.0.1", port = 0, requestTimeout = 20_000, maxWaiting = 256 } =
    checkOptions(options, checks);
  let url = "";
  let isDraining = false;
  const underWay = new Set<Promise<void>>();
  /** The connections without a whole request, the oldest first. */
  const waiting = new Set<Socket>();
  const server = createServer({
    requestTimeout,
    headersTimeout: requestTimeout / 2,
    connectionsCheckingInterval: Math.min(requestTimeout / 4, 1_000),
    requireHostHeader: false,
  }, (incoming, outgoing) => {
    const { socket } = incoming;
    incoming.once("end", () => waiting.delete(socket)).on("error", () => {}); // the body has it, too
    outgoing.once("close", () => socket.destroyed || waiting.add(socket));
    const answered = answer(handler, url, incoming, outgoing, () => isDraining)
      .catch(() => outgoing.destroy()).then(() => void underWay.delete(answered));
    underWay.add(answered);
  });
  server.on("connection", (socket) => {
    socket.once("close", () => waiting.delete(socket));
    const [oldest] = waiting.add(socket);
    if (oldest === undefined || waiting.size <= maxWaiting) return;
    waiting.delete(oldest);
    oldest.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, hostname, resolve);
  });
  const address = server.address() as AddressInfo;
  url = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${address.port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url,
    port: address.port,
    close,
    async drain() {
      isDraining = true;
      await Promise.all(underWay);
      await close();
    },
  };
}

async function answer(
  handler: (request: Request) => Promise<Response>,
  origin: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  isLast: () => boolean,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const request = toRequest(origin, incoming, gone.signal);
  const response = request ? await handler(request) : new Response(null, { status: 400 });
  if (gone.signal.aborted) return await response.body?.cancel(); // pipeline() would not
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  if (isLast()) outgoing.setHeader("connection", "close");
  if (response.body) outgoing.flushHeaders();
  // A body that errors destroys the socket; a client that goes away cancels the body.
  const body = response.body as NodeReadableStream | null;
  await pipeline(body ? Readable.fromWeb(body) : [], outgoing);
}

/** The request as `fetch` has it; `undefined` if it has no such method or path, as `TRACE` or `*`. */
function toRequest(
  origin: string,
  incoming: IncomingMessage,
  signal: AbortSignal,
): Request | undefined {
  const { method = "GET", url = "/", headers } = incoming;
  const hasBody = !["GET", "HEAD"].includes(method) &&
    ("transfer-encoding" in headers || Number(headers["content-length"] ?? 0) > 0);
  if (!hasBody) incoming.resume();
  const pairs = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value])
  );
  const path = url.replace(/^https?:\/\/[^/?#]*/i, "");
  try {
    return new Request(origin + path, {
      method,
      headers: pairs,
      signal,
      // Streaming a body up asks for `duplex`, which not all type libraries know yet.
      ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }),
    });
  } catch {
    return undefined;
  }
}
