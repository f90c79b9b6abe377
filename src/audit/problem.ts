import { chain, type ChainLine } from "./chain.ts";
import { entryParser } from "./jsonl.ts";
import type { AuditSeal } from "./seals.ts";

/** Where a trail, or what seals it, is not as it was. */
export interface AuditProblem {
  /**
   * What was done. `"changed"`: the line is another one; `"removed"`, `"inserted"`, `"swapped"`: where
   * the lines and seals around it tell; `"cut"`: it is gone, and all after it; `"unsealed"`: its seal
   * is gone; `"seal_changed"`: its seal is another one; `"rewritten"`: the trail is not the one of the
   * head that was remembered, though it is sealed.
   */
  readonly kind:
    | "changed"
    | "removed"
    | "inserted"
    | "swapped"
    | "cut"
    | "unsealed"
    | "seal_changed"
    | "rewritten";
  /** The first line it is about, from 1. */
  readonly line: number;
  /** The id in the entry that is in this line now, where it can be read. */
  readonly id?: string | undefined;
  /** The same in words: `line 3 is not as it was sealed`. */
  readonly why: string;
}

const words: { readonly [Kind in AuditProblem["kind"]]: string } = {
  changed: "is not as it was sealed",
  removed: "was sealed, and has been taken out",
  inserted: "was put in after its place was sealed",
  swapped: "and the next one have changed places",
  cut: "was sealed, and is gone",
  unsealed: "was sealed, and its seal is gone or cannot be read",
  seal_changed: "has a seal that is not as it was made",
  rewritten: "does not have the hash that was remembered: what was sealed is another trail",
};

/** A problem with a line. */
export function problemOf(
  kind: AuditProblem["kind"],
  line: number,
  bytes?: Uint8Array,
): AuditProblem {
  const entry = bytes === undefined ? undefined : entryParser()(bytes);
  // Nobody's terminal is to be written on by a file that somebody changed.
  const id = typeof entry === "object" && /^[!-~]{1,200}$/.test(entry.objectId)
    ? entry.objectId
    : undefined;
  const named = id === undefined ? "" : ` (${JSON.stringify(id)})`;
  const why = `line ${line}${named} ${words[kind]}`;
  return { kind, line, ...(id === undefined ? {} : { id }), why };
}

/** A line whose hash is not that of its seal, and what is around it. */
export interface Mismatch {
  /** The hash of the line before. */
  readonly before: string;
  readonly line: ChainLine;
  readonly seal: AuditSeal;
  readonly nextLine: ChainLine | undefined;
  readonly nextSeal: AuditSeal | undefined;
}

/** Finds out what was done to a line. */
export function diagnose({ before, line, seal, nextLine, nextSeal }: Mismatch): AuditProblem {
  const { number, bytes } = line;
  const next = nextSeal?.line === number + 1 ? nextSeal.hash : undefined;
  const movedUp = next !== undefined && chain(seal.hash, line) === next;
  const movedDown = nextLine !== undefined && chain(before, nextLine) === seal.hash;
  if (movedDown) return problemOf(movedUp ? "swapped" : "inserted", number, bytes);
  if (movedUp) return problemOf("removed", number); // what is in its line now is innocent
  const intact = nextLine !== undefined && chain(chain(before, line), nextLine) === next;
  return problemOf(intact ? "seal_changed" : "changed", number, bytes);
}
