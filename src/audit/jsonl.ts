/** An audit trail as JSON lines: one line an entry. @module */
import type { AuditEntry, AuditTrail } from "../core/audit.ts";
import {
  bytesOf,
  type ByteSource,
  createLineSplitter,
  isBlank,
  type LinePiece,
} from "../core/bytes.ts";
import { checkOptions, type Checks, hasMethods, isFunction } from "../core/check.ts";
import * as v from "../deps.ts";

/** A text file that only grows. */
export interface AppendFile {
  /**
   * Adds lines at the end, as one piece even if others write too. It resolves when they are safe, also
   * from a crash of the machine. If a crash left a piece of a line at the end, that line is ended
   * first.
   */
  append(text: string): Promise<void>;
  /** Rejects if what was added may be lost. Then no deletion is begun. */
  check?(): Promise<void>;
}

/**
 * Makes an audit trail of JSON lines: one line an entry, added in one piece.
 *
 * @returns The trail. It refuses an entry of more than 1 MiB, which could not be read again.
 * @throws {TypeError} The file has no `append()`.
 *
 * @example Record deletions as JSON lines
 * ```ts
 * import { deleteMessageBatch } from "batchsweep";
 * import { createJsonlAuditTrail } from "batchsweep/audit";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "ended" });
 * let text = ""; // for a file, see openAppendFile() of "batchsweep/node"
 * const auditTrail = createJsonlAuditTrail({ append: async (lines) => void (text += lines) });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch, auditTrail };
 *
 * await deleteMessageBatch(client, id);
 * console.log(text); // two lines
 * ```
 */
export function createJsonlAuditTrail(file: AppendFile): AuditTrail {
  hasMethods("an AppendFile", "append")(file, "file");
  const encoder = new TextEncoder();
  return {
    append: async (entry) => {
      const line = `${JSON.stringify(entry)}\n`;
      if (encoder.encode(line).length > maxLineBytes) {
        throw new RangeError("Cannot record an audit entry: it is longer than 1 MiB");
      }
      if (entry.phase === "intent") await file.check?.();
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
  /** Gets each line that is skipped because it is not an entry. */
  readonly onUnreadable?: ((line: UnreadableLine) => void) | undefined;
}

/** The checks of {@link ReadAuditTrailOptions}. */
export const readChecks: Checks<ReadAuditTrailOptions> = { onUnreadable: isFunction };

/**
 * Reads the audit trail that {@link createJsonlAuditTrail} wrote, in bounded memory. It skips and
 * reports lines that are not entries, such as one that a crash cut off. It skips blank lines silently.
 *
 * @returns The entries, in order; members that are not known here are left out.
 * @throws {TypeError} The source gives text instead of bytes.
 * @throws What the source fails with.
 *
 * @example Go on with a purge after a crash
 * ```ts
 * import { readAuditTrail } from "batchsweep/audit";
 * import { applyPurge, planPurge } from "batchsweep/purge";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const client = { apiKey: "sk-ant-api03-example", fetch: createSandbox().fetch };
 * const plan = await planPurge(client, { filter: "*" });
 * const bytes = new Response("").body ?? []; // the bytes of the trail's file
 *
 * const history = readAuditTrail(bytes, {
 *   onUnreadable: ({ line, reason }) => console.warn(`Line ${line} is skipped: ${reason}`),
 * });
 * const { deleted } = await applyPurge(client, plan, { history });
 * ```
 */
export async function* readAuditTrail(
  source: ByteSource,
  options: ReadAuditTrailOptions = {},
): AsyncGenerator<AuditEntry, void, undefined> {
  const { onUnreadable } = checkOptions(options, readChecks);
  const schema = entrySchema();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const parse = (bytes: Uint8Array): AuditEntry | UnreadableReason => {
    let reason: UnreadableReason = "not_text";
    try {
      const text = decoder.decode(bytes);
      reason = "not_json";
      const result = v.safeParse(schema, JSON.parse(text));
      return result.success ? result.output : "not_an_entry";
    } catch {
      return reason;
    }
  };
  let line = 1;
  let isTooLong = false;
  for await (const { bytes, ends } of linesOf(source)) {
    const goesOn = !ends && bytes.length === maxLineBytes;
    if (!goesOn && (isTooLong || !isBlank(bytes))) {
      const entry = isTooLong ? "too_long" : parse(bytes);
      if (typeof entry === "object") yield entry;
      else onUnreadable?.({ line, reason: entry });
    }
    isTooLong = goesOn;
    if (ends) line += 1;
  }
  if (isTooLong) onUnreadable?.({ line, reason: "too_long" });
}

/** How long a line with an entry can be, newline included. */
const maxLineBytes = 1_048_576;

/** Cuts a trail into lines, in bounded memory. The last one does not end if it was cut off. */
async function* linesOf(source: ByteSource): AsyncGenerator<LinePiece, void, undefined> {
  const splitter = createLineSplitter(maxLineBytes);
  for await (const chunk of bytesOf(source)) yield* splitter.split(chunk);
  const bytes = splitter.rest();
  if (bytes.length > 0) yield { bytes, ends: false };
}

/** Why a line of a trail is not an entry. */
export type UnreadableReason = "too_long" | "not_text" | "not_json" | "not_an_entry";

const optionalTexts = <Name extends string>(...names: Name[]) =>
  Object.fromEntries(names.map((name) => [name, v.optional(v.string())])) as Record<
    Name,
    v.OptionalSchema<v.StringSchema<undefined>, undefined>
  >;

/** The schema of an entry. Unknown members are left out. */
function entrySchema(): v.GenericSchema<unknown, AuditEntry> {
  const time = v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i),
  );
  const count = v.pipe(v.number(), v.check((value) => Number.isSafeInteger(value) && value >= 0));
  const error = v.object({
    ...{ code: v.string(), message: v.string(), outcomeKnown: v.boolean() },
    ...{ status: v.optional(v.number()), type: v.optional(v.string()) },
  });
  return v.pipe(
    v.object({
      ...{ version: v.literal(1), id: v.string(), ...optionalTexts("intent"), time },
      phase: v.picklist(["intent", "outcome"]),
      operation: v.picklist(["delete", "cancel"]),
      ...{ resource: v.string(), objectId: v.string() },
      ...optionalTexts("workspaceId", "keyFingerprint", "actor", "reason", "plan", "changedPlan"),
      ...optionalTexts("policy", "exportHash", "webhookId"),
      outcome: v.optional(v.picklist(["deleted", "missing", "canceled", "failed"])),
      ...optionalTexts("evidence", "requestId"),
      attempts: v.optional(count),
      error: v.optional(error),
      settled: v.optional(v.literal(true)),
    }),
    // An outcome that says nothing, or not of which intent, would settle nothing.
    v.check(({ phase, intent, outcome }) =>
      (phase === "outcome") === (outcome !== undefined) &&
      (phase === "outcome") === (intent !== undefined)
    ),
  );
}
