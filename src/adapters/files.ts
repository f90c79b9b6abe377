/**
 * Files that are read, and files that are written whole or not at all, over `node:fs`, which Node,
 * Deno and Bun have.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { link, lstat, mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Files } from "../cli/mod.ts";
import { fileProblem } from "../config/system-errors.ts";
import type { ResultStore } from "../purge/mod.ts";
import { hasCode, ignore, openAppendFile, refuseSpecialFile, sync } from "./append-file.ts";

/** The file system of the command. */
export const files: Files = {
  read: readFileBytes,
  async *readDatabase(path) {
    yield* (await import("./sqlite.ts")).readSqliteTrail(path); // Node warns when it is loaded
  },
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
    await refuseSpecialFile(path);
    return await openAppendFile(path);
  },
  resultsIn: openResultFolder,
};

/**
 * Reads a file in pieces, such as an audit trail for `readAuditTrail()`.
 *
 * @param path Path of the file.
 * @returns Its bytes.
 * @throws The error of the file system, with its `code`.
 */
export async function* readFileBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
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

const abandonedAfter = 3_600_000; // ms without a write

/**
 * Opens a folder for the results of batches, one file `ID.jsonl` each, readable for their owner only.
 * A file that exists is never replaced. If it has the same content, the results count as stored: an
 * earlier run may have been killed after it stored them. If its content differs, storing fails.
 *
 * @param directory Path of the folder. It is created if it does not exist.
 * @returns The folder, as the place where a purge or an export stores results.
 * @throws The error of the file system, with its `code`; `"ENOTDIR"` if the path is a file.
 */
export async function openResultFolder(directory: string): Promise<ResultStore> {
  const made = await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error) => {
    throw hasCode(error, "EEXIST") ? Object.assign(error, { code: "ENOTDIR" }) : error;
  });
  // The directory above may be unreadable. The system then flushes it later.
  if (made !== undefined) await sync(dirname(resolve(directory))).catch(() => {});
  await (await createNewFile(join(directory, "check"))).discard(); // fails if it is not writable
  const parts = (await readdir(directory)).filter((name) => partSuffix.test(name))
    .map((name) => join(directory, name));
  return {
    async open(id) {
      const path = join(directory, `${encodeURIComponent(id)}.jsonl`);
      await checkName(path);
      // A run that was killed leaves its part. A run that still writes may be storing this batch.
      for (const part of parts.filter((one) => one.replace(partSuffix, "") === path)) {
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

/** Refuses a name that belongs to something else than a file: reading a pipe would not end. */
async function checkName(path: string): Promise<void> {
  await refuseSpecialFile(path).catch((error) => {
    throw new Error(`Cannot write ${path}: ${fileProblem(error)}`);
  });
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
          await checkName(path);
          if (await hashOf(file.part) !== await hashOf(path)) {
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

/** An error of the file system in words, with its code. Any other error stays as it is. */
function explained(error: unknown, path: string): unknown {
  if (!(error instanceof Error && "code" in error)) return error;
  const message = `Cannot write ${path}: ${fileProblem(error)}`;
  return Object.assign(new Error(message), { code: error.code });
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of readFileBytes(path)) hash.update(bytes);
  return hash.digest("hex");
}

/** A file that gets its name once it is whole. */
type NewFile = Awaited<ReturnType<typeof createNewFile>>;

/** The end of a part's name: eight random characters, so that two processes never share a part. */
const partSuffix = /\.[0-9a-f]{8}\.part$/;

/** Begins a file, readable for its owner only. */
async function createNewFile(path: string) {
  const part = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  const file = await open(part, "ax", 0o600); // so that a file that is cut becomes too short
  let isOpen = true;
  let size = 0;
  const close = async () => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    /** Its path until then. */
    part,
    async write(bytes: Uint8Array): Promise<void> {
      for (let at = 0; at < bytes.length;) {
        at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
      }
      size += bytes.length;
    },
    /**
     * Gives the file its name. It resolves when the file survives a crash of the machine, and rejects
     * with the code `"EEXIST"` if another file has the name.
     */
    async keep(): Promise<void> {
      await file.sync();
      const [own, named] = [await file.stat(), await stat(part)];
      if (own.ino !== named.ino || own.dev !== named.dev || own.size !== size) {
        throw new Error(`Cannot keep ${path}: another process changed ${part}`);
      }
      await close();
      await publish(part, path);
      await sync(dirname(path));
    },
    /** Deletes the file, unless it has its name. */
    async discard(): Promise<void> {
      await close();
      await unlink(part).catch(ignore("ENOENT"));
    },
  };
}

/** Moves a file to a name that must be free. A link fails if the name is taken; a move does not. */
async function publish(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    if (!hasCode(error, ...withoutLinks)) throw error;
    const taken = await lstat(path).catch(ignore("ENOENT"));
    if (taken !== undefined) {
      throw Object.assign(new Error(`The file exists already: ${path}`), { code: "EEXIST" });
    }
    return await rename(part, path);
  }
  await unlink(part);
}

/** The errors of file systems without links, such as exFAT and some network drives. */
const withoutLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];
