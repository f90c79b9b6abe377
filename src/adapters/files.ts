/**
 * The file system of the command by `node:fs`, which Node, Deno and Bun have.
 *
 * @module
 */
import { open, stat } from "node:fs/promises";
import type { Files } from "../cli/host.ts";
import { openAppendFile } from "./append-file.ts";
import { createNewFile, ignore } from "./new-file.ts";
import { openResultFiles } from "./result-files.ts";

/** The file system of the process. */
export const files: Files = {
  read,
  async write(path, text) {
    const file = await createNewFile(path);
    try {
      await file.write(new TextEncoder().encode(text));
      await file.keep();
    } catch (error) {
      await file.discard();
      throw error;
    }
  },
  async appendTo(path) {
    const found = await stat(path).catch(ignore("ENOENT"));
    // A pipe would be waited for, and a device has no end; what a directory is, its opening says.
    if (found !== undefined && !found.isFile() && !found.isDirectory()) {
      throw new Error("it is no regular file");
    }
    return await openAppendFile(path);
  },
  resultsIn: openResultFiles,
};

async function* read(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    for (;;) {
      const bytes = new Uint8Array(65_536);
      const { bytesRead } = await file.read(bytes, 0, bytes.length);
      if (bytesRead === 0) return;
      yield bytes.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
