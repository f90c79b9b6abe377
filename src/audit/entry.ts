import {
  boolean,
  check,
  type GenericSchema,
  literal,
  number,
  object,
  optional,
  picklist,
  pipe,
  regex,
  safeParse,
  string,
} from "../deps.ts";
import type { AuditEntry } from "../core/ports.ts";

/** Why a line of a trail is not an entry. */
export type UnreadableReason = "too_long" | "not_text" | "not_json" | "not_an_entry";

/**
 * Makes the function that reads a line. Nothing it holds is believed unseen; members that are not
 * known here are left out.
 */
export function entryReader(): (line: Uint8Array) => AuditEntry | UnreadableReason {
  const schema = entrySchema();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return (line) => {
    let text: string;
    try {
      text = decoder.decode(line);
    } catch {
      return "not_text";
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return "not_json";
    }
    const result = safeParse(schema, value);
    return result.success ? result.output : "not_an_entry";
  };
}

function entrySchema(): GenericSchema<unknown, AuditEntry> {
  const text = optional(string());
  const time = pipe(string(), regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i));
  const count = optional(
    pipe(number(), check((value) => Number.isSafeInteger(value) && value >= 0)),
  );
  return pipe(
    object({
      version: literal(1),
      time,
      operation: literal("delete"),
      phase: picklist(["intent", "outcome"]),
      resource: string(),
      id: string(),
      actor: text,
      outcome: optional(picklist(["deleted", "missing", "failed"])),
      evidence: text,
      requestId: text,
      attempts: count,
      workspaceId: text,
      error: optional(object({
        code: string(),
        message: string(),
        outcomeKnown: boolean(),
        status: optional(number()),
        type: text,
      })),
    }),
    // An outcome that says none would close an intent, and settle nothing.
    check(({ phase, outcome }) => (phase === "outcome") === (outcome !== undefined)),
  );
}
