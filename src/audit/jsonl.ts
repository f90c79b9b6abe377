import type { AppendFile, AuditEntry, AuditTrail } from "../core/ports.ts";
import type { ByteSource } from "./bytes.ts";
import { entryReader, type UnreadableReason } from "./entry.ts";
import { linePieces, longestLine } from "./line-pieces.ts";

/**
 * Makes an audit trail of JSON lines: one line an entry, added in one piece.
 *
 * @param file Where the lines go.
 * @returns The trail. It refuses an entry of more than 1 MiB, which could not be read again.
 *
 * @example Record deletions as JSON lines
 * ```ts
 * import {
 *   createJsonlAuditTrail,
 *   createMemoryAppendFile,
 *   deleteMessageBatch,
 *   readAuditTrail,
 * } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "ended" });
 * const file = createMemoryAppendFile(); // or anything that can append and flush
 * const auditTrail = createJsonlAuditTrail(file);
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch, auditTrail };
 *
 * await deleteMessageBatch(client, id);
 * for await (const { phase, evidence } of readAuditTrail(file.read())) {
 *   console.log(phase, evidence);
 * }
 * ```
 */
export function createJsonlAuditTrail(file: AppendFile): AuditTrail {
  const encoder = new TextEncoder();
  return {
    append: async (entry) => {
      const line = `${JSON.stringify(entry)}\n`;
      if (encoder.encode(line).length > longestLine) {
        throw new RangeError("Cannot record an audit entry: it is longer than 1 MiB");
      }
      await file.append(line);
    },
  };
}

/** A line of a trail that is not an entry. */
export interface UnreadableLine {
  /** Which, from 1. */
  readonly line: number;
  /** `"not_json"` is what a crash in the middle of a line leaves. */
  readonly reason: UnreadableReason;
}

/** Options of {@link readAuditTrail}. */
export interface ReadAuditTrailOptions {
  /** Is told of each line that is passed over because it is not an entry. */
  readonly onUnreadable?: ((line: UnreadableLine) => void) | undefined;
}

/**
 * Reads the audit trail that {@link createJsonlAuditTrail} wrote, in bounded memory. What comes from
 * a file is not believed unseen: a line that was cut off by a crash, or is no entry for any other
 * reason, is passed over and told of. Blank lines are passed over without a word.
 *
 * @param source The bytes.
 * @param options Who is told of lines that are passed over.
 * @returns The entries, in order; members that are not known here are left out.
 * @throws {TypeError} The source gives text instead of bytes.
 * @throws What the source fails with.
 *
 * @example Go on with a purge after a crash
 * ```ts
 * import {
 *   applyPurge,
 *   createJsonlAuditTrail,
 *   createMemoryAppendFile,
 *   planPurge,
 *   readAuditTrail,
 * } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * sandbox.seed({ processing_status: "ended" });
 * const file = createMemoryAppendFile();
 * const auditTrail = createJsonlAuditTrail(file);
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch, auditTrail };
 * const plan = await planPurge(client, { filter: "*" });
 *
 * const history = readAuditTrail(file.read(), {
 *   onUnreadable: ({ line, reason }) => console.warn(`Line ${line} is left out: ${reason}`),
 * });
 * for await (const { outcome, id } of applyPurge(client, plan, { history })) {
 *   console.log(outcome, id);
 * }
 * ```
 */
export async function* readAuditTrail(
  source: ByteSource,
  { onUnreadable }: ReadAuditTrailOptions = {},
): AsyncGenerator<AuditEntry, void, undefined> {
  const read = entryReader();
  let line = 1;
  let long = false;
  for await (const { bytes, ends } of linePieces(source)) {
    const goesOn = !ends && bytes.length === longestLine;
    if (!goesOn && (long || !isBlank(bytes))) {
      const entry = long ? "too_long" : read(bytes);
      if (typeof entry === "object") yield entry;
      else onUnreadable?.({ line, reason: entry });
    }
    long = goesOn;
    if (ends) line += 1;
  }
  if (long) onUnreadable?.({ line, reason: "too_long" });
}

const isBlank = (bytes: Uint8Array) =>
  bytes.every((byte) => byte === 0x0a || byte === 0x0d || byte === 0x20 || byte === 0x09);
