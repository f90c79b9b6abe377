import type { AuditLines, ByteSource } from "./jsonl.ts";
import { chain, type ChainLine, chainLines, chainStart } from "./chain.ts";
import { type AuditProblem, diagnose, problemOf } from "./problem.ts";
import { type AuditSeal, readSeals } from "./seals.ts";

/**
 * An audit trail and its seals, to be read in step. Others may add to both meanwhile; then each has to
 * show what was there when it was asked for, and may show what came since.
 */
export interface AuditSource {
  /** Gives the lines from the first. It is called again where the seals know of more. */
  lines(): AuditLines | Promise<AuditLines>;
  /** Gives the seals from the first; nothing where there are none yet. */
  seals(): ByteSource | Promise<ByteSource>;
}

/** What became of following the seals of a trail. */
export interface Followed {
  /** The last line that is as it was sealed, and its hash. */
  readonly sealed: AuditSeal;
  /** How many complete lines after it have no seal. */
  readonly unsealed: number;
  readonly problem?: AuditProblem | undefined;
}

/** What is done on the way. */
export interface FollowOptions {
  /** The hash that a line must have. */
  readonly remembered?: AuditSeal | undefined;
  /** Is given the seal that each line without one should have, in order, and is waited for. */
  readonly onUnsealed?: ((seal: AuditSeal) => Promise<void> | void) | undefined;
}

/** Of how many lines the hashes are known, to be compared with seals that come again. */
const window = 131_072;

/** Follows the seals of a trail, in bounded memory, up to the first problem. */
export async function followSeals(
  source: AuditSource,
  { remembered = { line: 0, hash: chainStart }, onUnsealed }: FollowOptions = {},
): Promise<Followed> {
  const seals = await readSeals(await source.seals());
  const lines = linesOf(source, () => seals.next?.line ?? 0);
  const recent: string[] = [];
  let sealed: AuditSeal = { line: 0, hash: chainStart };
  let { line: last, hash } = sealed;
  let unsealed = 0;

  /** Holds the seals that are due against the hash of a line. */
  const match = async (line: ChainLine, before: string): Promise<AuditProblem | undefined> => {
    for (; seals.next !== undefined && seals.next.line <= last; await seals.advance()) {
      const seal = seals.next;
      const known = last - seal.line < window ? recent[seal.line % window] : seal.hash;
      if (seal.hash === known) sealed = seal.line > sealed.line ? seal : sealed;
      else if (seal.line <= sealed.line) return problemOf("seal_changed", seal.line);
      else {
        await seals.advance();
        const { done, value } = await lines.next();
        const nextLine = done ? undefined : value;
        return diagnose({ before, line, seal, nextLine, nextSeal: seals.next });
      }
    }
    const due = seals.next !== undefined || seals.garbled;
    return due && sealed.line < last ? problemOf("unsealed", last, line.bytes) : undefined;
  };
  const differs = () => last === remembered.line && hash !== remembered.hash;
  const follow = async (): Promise<AuditProblem | undefined> => {
    if (differs()) return problemOf("rewritten", 0);
    for await (const line of lines) {
      const before = hash;
      hash = chain(before, line);
      last = line.number;
      recent[last % window] = hash;
      const problem = await match(line, before);
      if (problem !== undefined) return problem;
      if (differs()) return problemOf("rewritten", last, line.bytes);
      if (sealed.line === last) continue;
      unsealed += 1;
      await onUnsealed?.({ line: last, hash });
    }
    if (seals.next !== undefined || last < remembered.line) return problemOf("cut", last + 1);
    if (seals.garbled || sealed.line < remembered.line) {
      return problemOf("unsealed", sealed.line + 1);
    }
    return undefined;
  };

  try {
    const problem = await follow();
    return { sealed, unsealed, problem };
  } finally {
    await seals.close();
    await lines.return();
  }
}

/**
 * The lines of a trail. They are looked at again where they end before the one that is wanted: it can
 * have come since.
 */
async function* linesOf(
  source: AuditSource,
  wanted: () => number,
): AsyncGenerator<ChainLine, void, undefined> {
  let read = 0;
  for (let before = -1; before < read;) {
    before = read;
    for await (const line of chainLines(await source.lines())) {
      if (line.number <= read) continue;
      read = line.number;
      yield line;
    }
    if (wanted() <= read) return;
  }
}
