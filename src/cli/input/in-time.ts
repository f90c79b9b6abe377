import type { Files } from "../host.ts";
import { describeDuration } from "../terminal/describe-duration.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * Waits for something, and no longer than so many milliseconds.
 *
 * @throws {Error} It takes longer. What becomes of it then is not known.
 */
export async function inTime<Value>(work: Promise<Value>, limit: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLong(limit)), limit);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Files of which nothing is waited for longer than so many milliseconds at a time. */
export function filesInTime(files: Files, limit: number): Pick<Files, "read" | "appendTo"> {
  return {
    async *read(path) {
      const late = new AbortController();
      const start = () => setTimeout(() => late.abort(tooLong(limit)), limit);
      let timer = start();
      try {
        for await (const bytes of untilAborted(files.read(path), late.signal)) {
          clearTimeout(timer);
          yield bytes;
          timer = start();
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async appendTo(path) {
      const file = await inTime(files.appendTo(path), limit);
      return {
        append: (text) => inTime(file.append(text), limit),
        close: () => inTime(file.close(), limit),
      };
    },
  };
}

const tooLong = (limit: number) => new Error(`it takes longer than ${describeDuration(limit)}`);
