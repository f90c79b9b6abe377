import { sha256 } from "../deps.ts";
import { hex } from "../core/bytes.ts";
import { type AuditLines, linesOf } from "./jsonl.ts";

/** Where every chain begins: the SHA-256 of `batchsweep audit trail 1` and a newline. */
export const chainStart = "fea6933dc91e657ae94ad83c3f65b2138c33d29d9197bd3827f906821dd2d34a";

/** A complete line of a trail. */
export interface ChainLine {
  /** Which, from 1. */
  readonly number: number;
  /** The SHA-256 of its bytes, with the newline, in hexadecimal. */
  readonly digest: string;
  /** Undefined: there are too many to be held. */
  readonly bytes: Uint8Array | undefined;
}

/** The hash of a line: the SHA-256 of the hash before it and of its digest, as text. */
export function chain(before: string, { digest }: Pick<ChainLine, "digest">): string {
  return hex(sha256(new TextEncoder().encode(before + digest)));
}

/** The lines of a trail that are complete. */
export async function* chainLines(
  lines: AuditLines,
): AsyncGenerator<ChainLine, void, undefined> {
  let number = 1;
  let hash = sha256.create();
  let held = true;
  for await (const { bytes, ends } of linesOf(lines)) {
    hash.update(bytes);
    if (ends) {
      yield { number, digest: hex(hash.digest()), bytes: held ? bytes : undefined };
      number += 1;
      hash = sha256.create();
    }
    held = ends;
  }
}
