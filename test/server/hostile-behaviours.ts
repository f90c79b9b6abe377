import { gzipSync } from "node:zlib";
import type { Socket } from "node:net";
import { linesOf } from "../fixtures/result-lines.ts";

/** Answers one request on a socket: with bytes, with silence, or with its end. */
export type Behaviour = (socket: Socket, id: string, server: string) => void;

const receipt = (id: string) => JSON.stringify({ id, type: "message_batch_deleted" });
const apiError = (type: string) =>
  JSON.stringify({
    type: "error",
    error: { type, message: "As the API says" },
    request_id: "req_h",
  });

/** A whole answer, and the end of the connection. */
function whole(
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | number>> = {},
): Behaviour {
  return (socket) => {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const all = {
      "content-type": "application/json",
      "content-length": bytes.length,
      "request-id": "req_h",
      connection: "close",
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 ${status} Hostile\r\n${lines.join("")}\r\n`);
    socket.end(bytes);
  };
}

/** Raw bytes, then what becomes of the connection. */
function raw(text: (id: string) => string, then: "end" | "reset" | "hang"): Behaviour {
  return (socket, id) => {
    socket.write(text(id), () => {
      // A moment, so that the bytes arrive as bytes and not with the reset.
      if (then === "end") socket.end();
      if (then === "reset") setTimeout(() => socket.resetAndDestroy(), 10);
    });
  };
}

const head = (length: number) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_h\r\ncontent-length: ${length}\r\n\r\n`;

/** The API's 404, from which a proxy dropped the header with the request id. */
const anonymous = (more: object) => {
  const body = JSON.stringify({ ...JSON.parse(apiError("not_found_error")), ...more });
  return `HTTP/1.1 404 Hostile\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
};

/** Bytes without end, until the client goes away. */
const endless: Behaviour = (socket) => {
  socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n");
  const more = () => {
    while (!socket.destroyed && socket.write(" ".repeat(65_536)));
  };
  socket.on("drain", more);
  more();
};

/** A byte now and then, for longer than anybody waits. */
const drip: Behaviour = (socket) => {
  socket.write(head(100_000));
  const timer = setInterval(() => socket.write(" "), 20);
  socket.on("close", () => clearInterval(timer));
};

/** Results of 500 lines, some 30 kB, in their middle of which things go wrong. */
const results = new TextEncoder().encode(linesOf(500));
const half = results.subarray(0, results.length / 2);
const resultsHead = (headers: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/x-jsonl\r\nrequest-id: req_h\r\n${headers}\r\n\r\n`;
const sized = resultsHead(`content-length: ${results.length}`);
const gzipped = gzipSync(results);
const chunked = resultsHead("transfer-encoding: chunked\r\nconnection: close");

/** The head of an answer, bytes of its body, and what becomes of the connection. */
function part(head: string, body: Uint8Array, then: "end" | "reset" | "hang"): Behaviour {
  return (socket) => {
    socket.write(head);
    socket.write(body, () => {
      if (then === "end") socket.end();
      if (then === "reset") setTimeout(() => socket.resetAndDestroy(), 10);
    });
  };
}

/** One chunk of a chunked body. */
function chunk(body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")]);
}

/** The same text over and over, until the client goes away. */
const forever = (text: string): Behaviour => (socket) => {
  socket.write(resultsHead("connection: close"));
  const more = () => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on("drain", more);
  more();
};

/** A small piece now and then. */
const slowly: Behaviour = (socket) => {
  socket.write(sized);
  let from = 0;
  const timer = setInterval(() => {
    socket.write(results.subarray(from, from += 2_000));
    if (from >= results.length) socket.end();
  }, 5);
  socket.on("close", () => clearInterval(timer));
};

const redirect = (status: number): Behaviour => (socket, id, server) =>
  whole(status, "", { location: `${server}/trap/${id}/x/x/x/${id}` })(socket, id, server);

const answering = (make: (id: string) => Behaviour): Behaviour => (socket, id, server) =>
  make(id)(socket, id, server);

/** What the server can do to a request, by name. */
export const behaviours: Readonly<Record<string, Behaviour>> = {
  "receipt": answering((id) => whole(200, receipt(id))),
  "receipt-chunked": raw((id) => {
    const body = receipt(id);
    const length = body.length.toString(16);
    return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n${length}\r\n${body}\r\n0\r\n\r\n`;
  }, "end"),
  "receipt-then-reset": raw((id) => head(receipt(id).length) + receipt(id), "reset"),
  "receipt-after-early-hints": raw(
    (id) =>
      `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${head(receipt(id).length)}${receipt(id)}`,
    "end",
  ),
  "receipt-gzipped": answering((id) =>
    whole(200, gzipSync(receipt(id)), { "content-encoding": "gzip" })
  ),
  "receipt-after-byte-order-mark": answering((id) => whole(200, `\ufeff${receipt(id)}`)),
  "receipt-as-html": answering((id) => whole(200, receipt(id), { "content-type": "text/html" })),

  "reset": (socket) => socket.resetAndDestroy(),
  "close": (socket) => socket.end(),
  "garbage": raw(() => "SSH-2.0-OpenSSH_9.2p1\r\n", "end"),
  "reset-in-status-line": raw(() => "HTTP/1.1 20", "reset"),
  "reset-in-headers": raw(() => "HTTP/1.1 200 OK\r\ncontent-le", "reset"),
  "reset-in-body": raw((id) => head(500) + receipt(id).slice(0, 20), "reset"),
  "close-in-body": raw((id) => head(500) + receipt(id).slice(0, 20), "end"),
  "close-in-chunk": raw(
    () => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{"id":`,
    "end",
  ),
  "corrupt-gzip": whole(200, "this is not gzip, whatever the header says", {
    "content-encoding": "gzip",
  }),

  "silence": () => {},
  "stall-in-headers": raw(() => "HTTP/1.1 200 OK\r\ncontent-type: ", "hang"),
  "stall-in-body": raw((id) => head(500) + receipt(id).slice(0, 20), "hang"),
  "drip": drip,

  "empty": whole(200, ""),
  "no-content": raw(() => "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", "end"),
  "accepted": answering((id) => whole(202, receipt(id))),
  "html": whole(200, "<!doctype html><title>Sign in to Wi-Fi</title>", {
    "content-type": "text/html",
  }),
  "truncated-json": answering((id) => whole(200, receipt(id).slice(0, -10))),
  "another-id": whole(200, receipt("msgbatch_another")),
  "another-type": answering((id) => whole(200, JSON.stringify({ id, type: "message_batch" }))),
  "array": answering((id) => whole(200, `[${receipt(id)}]`)),
  "null": whole(200, "null"),
  "text": whole(200, `"message_batch_deleted"`),
  "utf-16": answering((id) => whole(200, Buffer.from(receipt(id), "utf16le"))),
  "not-utf-8": whole(200, Uint8Array.from([0x22, 0xff, 0xfe, 0x22])),
  "endless": endless,
  "long": whole(200, " ".repeat(1_100_000) + "{}"),
  ...Object.fromEntries(
    [301, 302, 303, 307, 308].map((status) => [`redirect-${status}`, redirect(status)]),
  ),

  "not-found": whole(404, apiError("not_found_error")),
  "not-found-without-id": raw(() => anonymous({ request_id: null }), "end"),
  "not-found-id-in-body": raw(() => anonymous({ request_id: "req_h" }), "end"),
  "not-found-html": whole(404, "<h1>404</h1>", { "content-type": "text/html" }),
  ...Object.fromEntries(
    ([
      [400, "invalid_request_error"],
      [401, "authentication_error"],
      [402, "billing_error"],
      [403, "permission_error"],
      [408, "timeout_error"],
      [409, "conflict_error"],
      [422, "invalid_request_error"],
      [429, "rate_limit_error"],
      [500, "api_error"],
      [503, "api_error"],
      [504, "timeout_error"],
      [529, "overloaded_error"],
    ] as const).map(([status, type]) => [String(status), whole(status, apiError(type))]),
  ),
  "403-edge": whole(403, `{"error":{"type":"forbidden","message":"Request not allowed"}}`),
  "403-html": whole(403, "<html>Blocked</html>", { "content-type": "text/html" }),
  "413-text": whole(413, "too large", { "content-type": "text/plain" }),
  "400-empty": whole(400, ""),
  "400-truncated": whole(400, `{"type":"error","error":{"ty`),
  "400-array": whole(400, "[1,2,3]"),
  "400-strange": whole(400, `{"type":"error","error":{"type":7,"message":["x"]},"request_id":{}}`),
  "500-html": whole(500, "<html>Bad</html>", { "content-type": "text/html" }),
  "500-endless": (socket) => {
    socket.write(
      "HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n",
    );
    const more = () => {
      while (!socket.destroyed && socket.write(" ".repeat(65_536)));
    };
    socket.on("drain", more);
    more();
  },
  "500-final": whole(500, apiError("api_error"), { "x-should-retry": "false" }),
  "400-retry": whole(400, apiError("invalid_request_error"), { "x-should-retry": "true" }),
  "429-wait": whole(429, apiError("rate_limit_error"), { "retry-after": "2" }),
  "429-wait-long": whole(429, apiError("rate_limit_error"), { "retry-after": "3600" }),
  "429-spent": whole(
    429,
    `{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}`,
  ),

  "results": whole(200, results),
  "results-chunked": part(
    chunked,
    Buffer.concat([chunk(results), Buffer.from("0\r\n\r\n")]),
    "end",
  ),
  "results-until-close": part(resultsHead("connection: close"), results, "end"),
  "results-gzipped": whole(200, gzipped, { "content-encoding": "gzip" }),
  "results-slowly": slowly,
  "results-reset": part(sized, half, "reset"),
  "results-closed": part(sized, half, "end"),
  "results-chunk-closed": part(chunked, chunk(half), "end"),
  "results-chunked-without-end": part(chunked, chunk(results), "end"),
  "results-half-until-close": part(resultsHead("connection: close"), half, "end"),
  "results-gzip-closed": part(
    resultsHead(`content-length: ${gzipped.length}\r\ncontent-encoding: gzip`),
    gzipped.subarray(0, 1_000),
    "end",
  ),
  "results-gzip-cut": whole(200, gzipped.subarray(0, 1_000), { "content-encoding": "gzip" }),
  "results-stall": part(sized, half, "hang"),
  "results-changed": whole(200, Buffer.from(results).fill("X", 20, 21)),
  "results-one-less": whole(200, new TextEncoder().encode(linesOf(499))),
  "results-forever": forever("{}\n".repeat(1_000)),

  "in-progress": answering((id) => whole(200, batch(id, "in_progress"))),
  "ended": answering((id) => whole(200, batch(id, "ended"))),
};

function batch(id: string, status: string): string {
  const counts = { processing: 0, succeeded: 1, errored: 0, canceled: 0, expired: 0 };
  return JSON.stringify({
    id,
    type: "message_batch",
    processing_status: status,
    request_counts: counts,
    created_at: "2024-08-20T18:37:24.100435Z",
    expires_at: "2024-08-21T18:37:24.100435Z",
    ended_at: status === "ended" ? "2024-08-20T18:50:00Z" : null,
    cancel_initiated_at: null,
    archived_at: null,
    results_url: null,
  });
}
