import { link, lstat, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** A file that gets its name when it is whole, and not before. */
export interface NewFile {
  /** Where it is until then. */
  readonly part: string;
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Gives it its name. It resolves when the file is safe from a crash of the machine, and rejects with
   * the code `"EEXIST"` where another has the name.
   */
  keep(): Promise<void>;
  /** Takes it away, if it has not got its name. */
  discard(): Promise<void>;
}

/** What is appended to a name: eight characters of its own, so that two processes never share one. */
export const partOf: RegExp = /\.[0-9a-f]{8}\.part$/;

/** Begins a file, for its owner only. */
export async function createNewFile(path: string): Promise<NewFile> {
  const part = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  const file = await open(part, "wx", 0o600);
  let isOpen = true;
  const close = async () => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    part,
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
      }
    },
    async keep() {
      await file.sync();
      await close();
      await publish(part, path);
      await sync(dirname(path));
    },
    async discard() {
      await close();
      await unlink(part).catch(ignore("ENOENT"));
    },
  };
}

/** Makes a file, or what a directory lists, safe from a crash of the machine. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r").catch(ignore("EISDIR", "EPERM")); // Windows opens no directory
  if (handle === undefined) return;
  try {
    await handle.sync().catch(ignore("EISDIR", "EPERM", "EINVAL"));
  } finally {
    await handle.close();
  }
}

/** Lets errors of the file system pass that have one of these codes. */
export function ignore(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.some((code) => hasCode(error, code))) throw error;
  };
}

/** Whether an error of the file system has a code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Moves a file to a name that must be free: a second name fails where there is a file, a move does not. */
async function publish(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    if (!withoutLinks.some((code) => hasCode(error, code))) throw error;
    const taken = await lstat(path).catch(ignore("ENOENT"));
    if (taken !== undefined) {
      throw Object.assign(new Error(`The file exists already: ${path}`), { code: "EEXIST" });
    }
    return await rename(part, path);
  }
  await unlink(part);
}

/** What file systems say that have no second names, such as exFAT and some of the network. */
const withoutLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];
