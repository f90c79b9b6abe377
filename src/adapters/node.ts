/**
 * The command under Node: `npx batchsweep --help`, in the package and in a clone.
 *
 * @module
 */
import { constants, open } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import process from "node:process";
import { promisify } from "node:util";
import { type Files, main } from "../cli/mod.ts";
import { processHost } from "./process-host.ts";

const host = processHost();
const files: Files = {
  ...host.files,
  async *read(path) {
    const isPipe = await stat(path).then((found) => found.isFIFO(), () => false);
    yield* isPipe ? readPipe(path) : host.files.read(path);
  },
};
process.exit(await main(process.argv.slice(2), { ...host, files }));

/**
 * Reads a named pipe without a thread. Node cannot end a thread that waits for a file, and the
 * process does not end before its threads.
 */
async function* readPipe(path: string): AsyncGenerator<Uint8Array> {
  const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  yield* new Socket({ fd, readable: true, writable: false });
}
