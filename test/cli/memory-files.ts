import type { Files } from "../../src/cli/mod.ts";
import { systemError } from "./system-error.ts";

/** Files in memory, by path. */
export interface MemoryFiles extends Files {
  readonly texts: Map<string, string>;
  /** How many are open to be added to. */
  readonly open: ReadonlySet<string>;
}

/** What is done with a file. */
export type FileAction = "read" | "write" | "open" | "append" | "keep";

/** Says which action fails, by the code of its error. */
export type FileFaults = (action: FileAction, path: string) => string | undefined;

/**
 * Makes files in memory.
 *
 * @param given What is there at first.
 * @param fails Says which action fails, by the code of its error.
 */
export function createMemoryFiles(
  given: Readonly<Record<string, string>> = {},
  fails: FileFaults = () => undefined,
): MemoryFiles {
  const texts = new Map(Object.entries(given));
  const open = new Set<string>();
  const act = (action: FileAction, path: string): void => {
    const code = fails(action, path);
    if (code !== undefined) throw systemError(code);
  };
  return {
    texts,
    open,
    async *read(path) {
      act("read", path);
      const text = texts.get(path);
      if (text === undefined) throw systemError("ENOENT");
      const bytes = new TextEncoder().encode(text);
      yield* await Promise.resolve([bytes.subarray(0, 7), bytes.subarray(7)]);
    },
    /** After its first line, a file that begins as a database does has the lines of the trail. */
    async *readDatabase(path) {
      const [, lines = ""] = /^SQLite format 3\0\n(.*)$/s.exec(texts.get(path) ?? "") ?? [];
      yield await Promise.resolve(new TextEncoder().encode(lines));
    },
    async write(path, text) {
      await Promise.resolve();
      act("write", path);
      if (texts.has(path)) throw systemError("EEXIST");
      texts.set(path, text);
    },
    async appendTo(path) {
      await Promise.resolve();
      act("open", path);
      texts.set(path, texts.get(path) ?? "");
      open.add(path);
      return {
        async append(text) {
          await Promise.resolve();
          act("append", path);
          const before = texts.get(path) ?? "";
          const isTorn = before !== "" && !before.endsWith("\n"); // then it begins a line of its own
          texts.set(path, `${before}${isTorn ? "\n" : ""}${text}`);
        },
        close: () => Promise.resolve(void open.delete(path)),
      };
    },
    async resultsIn(directory) {
      await Promise.resolve();
      act("open", directory);
      return {
        open: (id) => {
          const path = `${directory}/${id}.jsonl`;
          const decoder = new TextDecoder();
          let text = "";
          return Promise.resolve(
            new WritableStream<Uint8Array>({
              write: (bytes) => void (text += decoder.decode(bytes, { stream: true })),
              close() {
                act("keep", path);
                texts.set(path, text);
              },
            }),
          );
        },
      };
    },
  };
}

/** Says that the disk is full once so much has been added to files. */
export function fullAfter(appends: number): FileFaults {
  let appended = 0;
  return (action) => action === "append" && ++appended > appends ? "ENOSPC" : undefined;
}

/** Says that the disk is full for the results of one batch. */
export const fullFor = (id: string): FileFaults => (action, path) =>
  action === "keep" && path.includes(id) ? "ENOSPC" : undefined;

/**
 * Files of which one takes so many additions, and hangs with the next: none comes to an end any more,
 * nor does its closing, which waits for what is being added.
 */
export function hangingAfter(appends: number, path: string, files: MemoryFiles): MemoryFiles {
  let appended = 0;
  return {
    ...files,
    async appendTo(opened) {
      const file = await files.appendTo(opened);
      if (opened !== path) return file;
      let last: Promise<void> = Promise.resolve();
      return {
        append: (text) => last = ++appended > appends ? new Promise(() => {}) : file.append(text),
        async close() {
          await last;
          await file.close();
        },
      };
    },
  };
}

/** Files of which one, once something was added to it, is read no further. */
export function hangingReading(path: string, files: MemoryFiles): MemoryFiles {
  return {
    ...files,
    async *read(opened) {
      if (opened === path && files.texts.get(path)) await new Promise(() => {});
      yield* files.read(opened);
    },
  };
}
