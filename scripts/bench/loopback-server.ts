/**
 * A process of its own that answers every request with the receipt for the batch its path names, and
 * does nothing else: so that what is measured is the client. It ends when its input does.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer((request, response) => {
  const id = (request.url ?? "").split("/").pop();
  const body = JSON.stringify({ id, type: "message_batch_deleted" });
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "request-id": "req_bench",
  }).end(body);
});
server.keepAliveTimeout = 120_000; // contenders wait for their turns without losing connections
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.stdin.resume().once("end", () => process.exit(0));
