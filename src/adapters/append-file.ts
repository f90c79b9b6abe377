/**
 * Files that are only ever added to, over `node:fs`, which Node, Deno and Bun have.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { OpenFile } from "../cli/host.ts";
import { sync } from "./new-file.ts";

/**
 * Opens a file that is only added to. It is made where there is none, for its owner only. Several
 * processes can add to it at once. What waits while the disk is busy is added in one piece.
 *
 * @param path Where it is. Its directory is read, too, when it is made.
 * @returns The file. Closing it waits for what is being added.
 */
export async function openAppendFile(path: string): Promise<OpenFile> {
  const file = await open(path, "a+", 0o600);
  try {
    if ((await file.stat()).size === 0) await sync(dirname(path));
  } catch (error) {
    await file.close();
    throw error;
  }
  let broken: unknown;
  const write = async (text: string): Promise<void> => {
    if (broken !== undefined) throw broken;
    await writeLines(file, text);
    await file.datasync().catch((error: unknown) => {
      broken = error; // the next one would be told that all is well, with this one lost
      throw error;
    });
  };

  let last: Promise<void> = Promise.resolve();
  let group: Group | undefined;
  const begin = (): Group => {
    const next: Group = {
      text: "",
      safe: last.then(() => {
        group = undefined;
        return write(next.text);
      }),
    };
    last = next.safe.catch(() => {}); // told to those who wait for it
    return next;
  };
  return {
    append(text) {
      group ??= begin();
      group.text += text;
      return group.safe;
    },
    close: async () => {
      await last;
      broken ??= new Error("Cannot append: the file is closed");
      await file.close();
    },
  };
}

/** What is added in one piece. */
interface Group {
  text: string;
  readonly safe: Promise<void>;
}

/** What is asked of a file that is open. */
export type AppendHandle = Pick<FileHandle, "stat" | "read" | "write">;

const newline = Buffer.from("\n");

/**
 * Writes whole lines at the end of a file, in one write, so that others can do the same. Where it ends
 * in the middle of a line, as a process that dies or a full disk leaves it, that line is ended first.
 */
export async function writeLines(file: AppendHandle, text: string): Promise<void> {
  const lines = Buffer.from(text);
  const { size } = await file.stat();
  const end = await readFrom(file, Math.max(0, size - 1), size);
  if (size > 0 && !end.equals(newline)) return await writeWhole(file, [newline, lines]);
  await writeWhole(file, [lines]);
  // Another process can have died in the middle of a line just before.
  const since = await readFrom(file, Math.max(0, size - 1), (await file.stat()).size);
  const began = size === 0 && since.subarray(0, lines.length).equals(lines);
  if (!began && !since.includes(Buffer.concat([newline, lines]))) {
    await writeWhole(file, [newline, lines]);
  }
}

async function writeWhole(file: AppendHandle, parts: readonly Buffer[]): Promise<void> {
  const bytes = Buffer.concat(parts);
  const { bytesWritten } = await file.write(bytes, 0, bytes.length, null);
  if (bytesWritten < bytes.length) {
    throw new Error(`Cannot append: ${bytesWritten} of ${bytes.length} bytes could be written`);
  }
}

async function readFrom(file: AppendHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
  return buffer.subarray(0, bytesRead);
}
