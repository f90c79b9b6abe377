#!/usr/bin/env -S node --import ./scripts/npm-specifiers.ts
/**
 * The command under Node, from a checkout: `node --import ./scripts/npm-specifiers.ts
 * src/adapters/node.ts --help`.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import process from "node:process";
import type { Files } from "../cli/host.ts";
import { main } from "../cli/main.ts";
import { processHost } from "./process-host.ts";

const host = processHost();
const files: Files = {
  ...host.files,
  async *read(path) {
    const isPipe = await stat(path).then((found) => found.isFIFO(), () => false);
    yield* isPipe ? (await import("./read-pipe.ts")).readPipe(path) : host.files.read(path);
  },
};
process.exit(await main(process.argv.slice(2), { ...host, files }));
