/** Files that are only ever added to, over `node:fs`, which Node, Deno and Bun have. @module */
import { Buffer } from "node:buffer";
import { open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { AppendFile } from "../audit/jsonl.ts";

/** A file that is only added to, to be closed at the end. */
export interface OpenAppendFile extends AppendFile {
  /** Rejects if the file was removed, compressed or truncated, so that what it had may be lost. */
  check(): Promise<void>;
  /** Waits for what is being added, then closes the file. */
  close(): Promise<void>;
}

/**
 * Opens a file that is only added to, such as the one of an audit trail. A new file is readable for
 * its owner only. Several processes can add to one file at once. Texts that wait while the disk is
 * busy are written together.
 *
 * A text counts as added when the file at the path has it. If another file has the path, since
 * logrotate renamed the first one, texts go into that file; after a mere rename, one is made. If the
 * file was removed, compressed or truncated, what it had may be lost: then `check()` rejects until the
 * file is opened again, and `append()` adds to the file at the path, so that outcomes are kept.
 *
 * @param path Path of the file. Its directory must exist, and must be readable if the file is new.
 * @throws The error of the file system, with its `code`.
 */
export async function openAppendFile(path: string): Promise<OpenAppendFile> {
  let file = await openAt(path);
  let broken: unknown;
  let lost: Error | undefined;

  /** Whether the path still names the file, with all that was written. */
  const isInPlace = async (): Promise<boolean> => {
    const { ino, dev, size } = file;
    const named = await stat(path).catch(ignore("ENOENT"));
    return named?.ino === ino && named.dev === dev && named.size >= size;
  };
  /** Goes on in the file that the path names now. */
  const follow = async (): Promise<void> => {
    const named = await stat(path).catch(ignore("ENOENT"));
    if (named?.isFile() === false) throw new Error(`${path} is no regular file any more`);
    const { size, nlink } = await file.handle.stat();
    const change = size < file.size ? "truncated" : named || nlink > 0 ? undefined : "removed";
    if (change !== undefined) {
      lost ??= new Error(`${path} was ${change} while it was in use: restore it, then start again`);
    }
    const next = await openAt(path);
    await file.handle.close();
    file = next;
  };
  const write = async (text: string): Promise<void> => {
    if (broken !== undefined) throw broken;
    for (let moves = 0; moves < 10; moves += 1) {
      if (!await isInPlace()) await follow();
      file.size = await writeLines(file.handle, text);
      await file.handle.datasync().catch((error: unknown) => {
        broken = error; // the next flush would succeed, with this text lost
        throw error;
      });
      if (await isInPlace()) return;
    }
    throw new Error(`Cannot append: ${path} names another file again and again`);
  };

  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work);
    last = done.catch(() => {}); // the caller gets the error
    return done;
  };
  let waiting = ""; // is written together, once the disk is free
  let written: Promise<void> | undefined;
  return {
    async check() {
      if (lost === undefined && !await isInPlace()) {
        await inTurn(async () => {
          if (!await isInPlace()) await follow();
        });
      }
      if (lost !== undefined) throw lost;
    },
    append(text) {
      waiting += text;
      return written ??= inTurn(() => {
        const together = waiting;
        [waiting, written] = ["", undefined];
        return write(together);
      });
    },
    async close() {
      await last;
      broken ??= new Error("Cannot append: the file is closed");
      await file.handle.close();
    },
  };
}

async function openAt(path: string) {
  const handle = await open(path, "a+", 0o600);
  try {
    const { ino, dev, size } = await handle.stat();
    if (size === 0) await sync(dirname(path));
    return { handle, ino, dev, size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The part of an open file that {@link writeLines} uses. */
export interface AppendHandle {
  stat(): Promise<{ readonly size: number }>;
  read: Piece<"bytesRead", number>;
  write: Piece<"bytesWritten", null>;
}

/** Reads or writes a piece of a file. The package's types do without those of Node. */
type Piece<Count extends string, Position> = (
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  length: number,
  position: Position,
) => Promise<Readonly<Record<Count, number>>>;

const newline = Buffer.from("\n");

/**
 * Writes whole lines at the end of a file, in one write, so that other processes can do the same. If
 * the file ends in the middle of a line, since a process died or the disk was full, that line is
 * ended first.
 */
export async function writeLines(file: AppendHandle, text: string): Promise<number> {
  const lines = Buffer.from(text);
  let size = -1;
  let before: number;
  let end: Buffer;
  // A line without an end is torn, unless another process is just writing it.
  do {
    before = size;
    size = (await file.stat()).size;
    end = await readFrom(file, Math.max(0, size - 1), size);
  } while (size > before && !end.equals(newline));
  if (size > 0 && !end.equals(newline)) {
    await writeWhole(file, [newline, lines]);
    return (await file.stat()).size;
  }
  await writeWhole(file, [lines]);
  // Another process can have died in the middle of a line just before.
  const after = await file.stat();
  const since = await readFrom(file, Math.max(0, size - 1), after.size);
  const began = size === 0 && since.subarray(0, lines.length).equals(lines);
  if (!began && !since.includes(Buffer.concat([newline, lines]))) {
    await writeWhole(file, [newline, lines]);
  }
  return after.size;
}

async function writeWhole(file: AppendHandle, parts: readonly Buffer[]): Promise<void> {
  const bytes = Buffer.concat(parts);
  const { bytesWritten } = await file.write(bytes, 0, bytes.length, null);
  if (bytesWritten < bytes.length) {
    throw new Error(`Cannot append: ${bytesWritten} of ${bytes.length} bytes could be written`);
  }
}

async function readFrom(file: AppendHandle, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(buffer, 0, end - start, start);
  return buffer.subarray(0, bytesRead);
}

/** Flushes a file, or the list of files in a directory, so that it survives a crash of the machine. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r").catch(ignore("EISDIR", "EPERM")); // Windows opens no directory
  if (handle === undefined) return;
  try {
    await handle.sync().catch(ignore("EISDIR", "EPERM", "EINVAL"));
  } finally {
    await handle.close();
  }
}

/**
 * Refuses a path that names neither a file nor a directory. A pipe would block, and a device has no
 * end; opening a directory fails with a reason.
 */
export async function refuseSpecialFile(path: string): Promise<void> {
  const found = await stat(path).catch(ignore("ENOENT"));
  if (found && !found.isFile() && !found.isDirectory()) throw new Error("it is no regular file");
}

/** A handler for `catch()`: it throws every error but those of the file system with these codes. */
export function ignore(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error;
  };
}

/** Whether an error of the file system has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
