import { constants, open } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";

/**
 * The bytes of a named pipe, under Node. There a thread that waits for a file cannot be ended, and the
 * process does not end before it: so a pipe is read without one.
 */
export async function* readPipe(path: string): AsyncGenerator<Uint8Array> {
  const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  yield* new Socket({ fd, readable: true, writable: false });
}
