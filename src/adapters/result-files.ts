import { mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileProblem } from "../cli/input/file-problem.ts";
import type { ResultStore } from "../core/ports.ts";
import { createNewFile, hasCode, ignore, type NewFile, partOf, sync } from "./new-file.ts";

const abandonedAfter = 3_600_000; // ms without a write

/**
 * Opens a directory where results are kept, a file for each batch, for its owner only. A file that
 * is there is never replaced: the same content counts as stored, since a run may have been killed
 * between that and the deletion; another content fails.
 *
 * @param directory It is made where there is none.
 */
export async function openResultFiles(directory: string): Promise<ResultStore> {
  const made = await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error) => {
    throw hasCode(error, "EEXIST") ? Object.assign(error, { code: "ENOTDIR" }) : error;
  });
  // Where a directory may not be read, what it lists is made safe by time.
  if (made !== undefined) await sync(dirname(resolve(directory))).catch(() => {});
  await (await createNewFile(join(directory, "check"))).discard(); // whether it can be written to
  const parts = new Map<string, string[]>();
  for (const name of await readdir(directory)) {
    if (!partOf.test(name)) continue;
    const whole = name.replace(partOf, "");
    parts.set(whole, [...parts.get(whole) ?? [], name]);
  }
  return {
    async open(id) {
      const path = join(directory, `${encodeURIComponent(id)}.jsonl`);
      // What a run that was killed has left. A run that goes on would fail, and delete nothing.
      // One that goes on writes to its part, and may save this very batch.
      for (const name of parts.get(basename(path)) ?? []) {
        const part = join(directory, name);
        const written = await stat(part).catch(ignore("ENOENT"));
        if (written === undefined || Date.now() - written.mtimeMs < abandonedAfter) continue;
        await unlink(part).catch(ignore("ENOENT"));
      }
      const file = await createNewFile(path).catch((error) => {
        throw explained(error, path);
      });
      return streamTo(file, path);
    },
  };
}

function streamTo(file: NewFile, path: string): WritableStream<Uint8Array> {
  /** A stream whose sink fails is neither closed nor aborted. */
  const orDiscard = async (action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      await file.discard();
      throw explained(error, path);
    }
  };
  return new WritableStream({
    write: (chunk) => orDiscard(() => file.write(chunk)),
    close: () =>
      orDiscard(async () => {
        try {
          await file.keep();
        } catch (error) {
          if (!hasCode(error, "EEXIST")) throw error;
          if (!await isSame(file.part, path)) {
            throw new Error(`${path} is there already, with another content`);
          }
          await file.discard();
          await sync(path);
          await sync(dirname(path));
        }
      }),
    abort: () => file.discard(),
  });
}

/** An error of the file system in words, with its code; any other is what it is. */
function explained(error: unknown, path: string): unknown {
  if (!(error instanceof Error && "code" in error)) return error;
  const message = `Cannot write ${path}: ${fileProblem(error)}`;
  return Object.assign(new Error(message), { code: error.code });
}

const blockSize = 65_536;

/** Whether two files have the same content. */
async function isSame(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([open(one, "r"), open(other, "r")]);
  const [block, otherBlock] = [new Uint8Array(blockSize), new Uint8Array(blockSize)];
  const fill = async (file: typeof first, bytes: Uint8Array) => {
    let size = 0;
    for (let read = 1; read > 0 && size < bytes.length; size += read) {
      read = (await file.read(bytes, size, bytes.length - size)).bytesRead;
    }
    return size;
  };
  try {
    for (;;) {
      const size = await fill(first, block);
      if (await fill(second, otherBlock) !== size) return false;
      for (let at = 0; at < size; at += 1) if (block[at] !== otherBlock[at]) return false;
      if (size < blockSize) return true;
    }
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
}
