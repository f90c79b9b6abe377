import type { AppendFile } from "../core/ports.ts";

/** A file in memory that is only ever added to. */
export interface MemoryAppendFile extends AppendFile {
  /** All that is in it. */
  readonly text: string;
  /** The bytes that are in it now. */
  read(): Iterable<Uint8Array>;
}

/**
 * Makes a file in memory: for a JSONL trail or for seals, in tests and in short scripts that write it
 * elsewhere at their end.
 *
 * @param text What is in it already.
 *
 * @example Keep an audit trail as a text
 * ```ts
 * import { createJsonlAuditTrail, createMemoryAppendFile } from "batchsweep";
 *
 * const file = createMemoryAppendFile();
 * const auditTrail = createJsonlAuditTrail(file); // for a client
 * console.log(file.text); // what was recorded so far
 * ```
 */
export function createMemoryAppendFile(text = ""): MemoryAppendFile {
  return {
    get text() {
      return text;
    },
    append: (lines) => {
      if (text !== "" && !text.endsWith("\n")) text += "\n";
      text += lines;
      return Promise.resolve();
    },
    read: () => [new TextEncoder().encode(text)],
  };
}
