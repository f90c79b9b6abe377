/**
 * A hostile HTTP server on raw sockets: each connection carries one request, and its answer is what
 * the case says, byte by byte.
 *
 * @module
 */
import { createServer, type Socket } from "node:net";
import { type Behaviour, behaviours } from "./hostile-behaviours.ts";

/** A server that answers as the path asks: `/CASE,CASE,…/RUN/v1/messages/batches/ID`. */
export interface HostileServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the server. The first segment of a path names behaviours, one per request of a run; the last
 * is repeated. `GET /seen/RUN` tells how many requests a run has made, and with which headers;
 * `GET /seen/RUN/N` does so once there are N.
 */
export async function startHostileServer(): Promise<HostileServer> {
  const runs = new Map<string, string[]>();
  const waiting = new Set<() => void>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    let head = "";
    const read = (chunk: Uint8Array) => {
      head += new TextDecoder("latin1").decode(chunk);
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", read);
      socket.resume();
      answer(socket, head);
    };
    socket.on("data", read);
  });

  function answer(socket: Socket, head: string): void {
    const path = head.split(" ", 2)[1] ?? "";
    const [, first = "", run = "", least = "0", , , id = ""] = path.split("/");
    const seen = runs.get(run) ?? [];
    if (first === "seen") {
      if (seen.length < Number(least)) return void waiting.add(() => answer(socket, head));
      const body = JSON.stringify(seen);
      socket.end(
        `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      return;
    }
    runs.set(run, [...seen, head]);
    const names = first.split(",");
    const name = names[Math.min(seen.length, names.length - 1)] ?? "";
    const behaviour: Behaviour | undefined = behaviours[name];
    if (behaviour === undefined) throw new Error(`Cannot behave as ${name}`);
    behaviour(socket, id, url);
    const asked = [...waiting];
    waiting.clear();
    for (const again of asked) again();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = typeof address === "object" ? `http://127.0.0.1:${address?.port}` : "";
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
