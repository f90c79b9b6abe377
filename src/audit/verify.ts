import { type AuditSource, followSeals } from "./follow-seals.ts";
import { headOf, parseHead } from "./head.ts";
import type { AuditProblem } from "./problem.ts";

/** Options of {@link verifyAuditTrail}. */
export interface VerifyAuditTrailOptions {
  /**
   * The head that was remembered, such as `12:9f86d0…`, from a sealing or an earlier verification. A
   * trail that was cut, or rewritten and sealed anew, is noticed by it and by nothing else.
   */
  readonly head?: string | undefined;
}

/** What a verification found. */
export interface AuditVerification {
  /** How many lines, from the first, are as they were sealed. */
  readonly sealed: number;
  /** How many complete lines come after those, and have no seal yet; as far as a problem. */
  readonly unsealed: number;
  /** The head of the sealed lines: to be remembered elsewhere. */
  readonly head: string;
  /** The first thing that is not as it was; absent where there is nothing. */
  readonly problem?: AuditProblem | undefined;
}

/**
 * Verifies that the lines of an audit trail are as they were when {@link sealAuditTrail} sealed them.
 * It finds the first line that was changed, taken out, put in or moved, seals that were changed or
 * taken out of the middle, and, with a remembered head, a trail that ends early or is another one.
 * Others may write and seal meanwhile.
 *
 * Whoever can write both the trail and its seals can make a whole chain anew. So remember a head where
 * they cannot write.
 *
 * @param source The lines and their seals.
 * @param options The head that was remembered.
 * @returns What was found. It does not reject because of what the lines or seals hold.
 * @throws {TypeError} The head cannot be used.
 * @throws What the source fails with.
 *
 * @example Find a line that was changed
 * ```ts
 * import { sealAuditTrail, verifyAuditTrail } from "batchsweep/audit";
 *
 * let text = '{"version":1}\n'; // the trail; any lines can be sealed
 * let seals = "";
 * const bytes = (lines: string) => [new TextEncoder().encode(lines)];
 * const source = { lines: () => bytes(text), seals: () => bytes(seals) };
 * const file = { append: async (lines: string) => void (seals += lines) };
 * const { head } = await sealAuditTrail(source, file); // remember it elsewhere
 *
 * text = '{"version":2}\n';
 * const { problem } = await verifyAuditTrail(source, { head });
 * console.log(problem?.line, problem?.kind); // 1 "changed"
 * ```
 */
export async function verifyAuditTrail(
  source: AuditSource,
  { head }: VerifyAuditTrailOptions = {},
): Promise<AuditVerification> {
  const remembered = head === undefined ? undefined : parseHead(head);
  const { sealed, unsealed, problem } = await followSeals(source, { remembered });
  const found = { sealed: sealed.line, unsealed, head: headOf(sealed) };
  return problem === undefined ? found : { ...found, problem };
}
