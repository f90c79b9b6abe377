import { AuditTrailError } from "../core/errors.ts";
import type { AppendFile } from "./jsonl.ts";
import { type AuditSource, followSeals } from "./follow-seals.ts";
import { headOf } from "./head.ts";
import { type AuditSeal, sealLine } from "./seals.ts";

/** What was sealed. */
export interface AuditSealing {
  /** How many lines were sealed now. */
  readonly added: number;
  /** How many lines are sealed in all. */
  readonly sealed: number;
  /** The head of the sealed lines, such as `12:9f86d0…`: to be remembered elsewhere. */
  readonly head: string;
}

/** How many seals are added in one piece. */
const most = 1_000;

/**
 * Seals the lines of an audit trail that are not sealed yet, so that {@link verifyAuditTrail} notices
 * when they are changed later. Others may write and seal meanwhile; a line that several seal at once
 * gets several seals, which are the same. A last line that has not ended is left for the next time.
 *
 * A seal is a line of JSON, `{"version":1,"line":n,"hash":"…"}`. The hash of line n is the SHA-256 of
 * two texts of 64 hexadecimal digits: the hash of the line before, and the SHA-256 of the line with its
 * newline. The hash before the first line is the SHA-256 of `batchsweep audit trail 1` and a newline.
 *
 * @param source The lines, and the seals that there are.
 * @param file Where the seals are added.
 * @returns What is sealed now. Its `head` is what shows later that nothing was cut off or made anew.
 * @throws {AuditTrailError} The trail is not as it was sealed; nothing was added. The message names
 *   the line.
 * @throws What the source or the file fails with. What was added by then is right, and is gone on from.
 *
 * @example Seal a trail
 * ```ts
 * import { sealAuditTrail } from "batchsweep/audit";
 *
 * const text = '{"version":1}\n'; // the trail; any lines can be sealed
 * let seals = "";
 * const bytes = (lines: string) => [new TextEncoder().encode(lines)];
 * const source = { lines: () => bytes(text), seals: () => bytes(seals) };
 * const file = { append: async (lines: string) => void (seals += lines) };
 * console.log(await sealAuditTrail(source, file)); // { added: 1, sealed: 1, head: "1:…" }
 * ```
 */
export async function sealAuditTrail(
  source: AuditSource,
  file: AppendFile,
): Promise<AuditSealing> {
  let waiting: AuditSeal[] = [];
  const add = async () => {
    const lines = waiting.map(sealLine).join("");
    waiting = [];
    await file.append(lines);
  };
  let last: AuditSeal | undefined;
  const { sealed, unsealed, problem } = await followSeals(source, {
    onUnsealed: async (seal) => {
      last = seal;
      if (waiting.push(seal) === most) await add();
    },
  });
  if (problem !== undefined) {
    throw new AuditTrailError(problem.why, problem.line);
  }
  if (waiting.length > 0) await add();
  const head = last ?? sealed;
  return { added: unsealed, sealed: head.line, head: headOf(head) };
}
