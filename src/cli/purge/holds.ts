/**
 * Holds of the command line: message batches that stay, whatever else is said.
 *
 * @module
 */
import type { PurgePlan } from "../../purge/plan.ts";
import { checkIds } from "../input/check-ids.ts";
import { CommandError } from "../exit-code.ts";
import { fileError } from "../input/file-error.ts";
import type { Host } from "../host.ts";
import { messageBatches } from "../kinds.ts";
import { policyFrom, readPolicy } from "./policy-file.ts";
import { readLines } from "../input/read-lines.ts";
import type { CommandOutput } from "../terminal/output.ts";

/** What the command line says of holds. */
export interface HoldFlags {
  readonly hold?: readonly string[] | undefined;
  /** A file with an id a line. */
  readonly holds?: string | undefined;
  /** A file with a retention policy. */
  readonly policy?: string | undefined;
}

/**
 * The ids that are held: by the command line, and by the retention policies that it and the environment
 * name.
 *
 * @param flags What the command line says.
 * @param host Where files and variables are.
 * @param output Is told where a file holds nothing.
 * @throws {CommandError} Something cannot be read or used: without it, nobody knows what must stay.
 */
export async function readHolds(
  { hold = [], holds, policy }: HoldFlags,
  host: Pick<Host, "files" | "signal" | "env" | "mayRead">,
  output?: Pick<CommandOutput, "note">,
): Promise<ReadonlySet<string>> {
  const lines = holds === undefined ? [] : await linesOf(holds, host);
  if (holds !== undefined && lines.length === 0) {
    await output?.note(`Nothing is held by --holds ${holds}: it has no ids\n`, "bad");
  }
  const given = idsIn([...hold, ...lines]);
  checkIds(given, messageBatches, { insist: true });
  checkHolds(given);
  const policies = [
    policyFrom(host),
    policy === undefined ? undefined : await readPolicy(host.files, policy),
  ];
  return new Set([...given, ...policies.flatMap((one) => one?.holds ?? [])]);
}

async function linesOf(
  path: string,
  { files, signal }: Pick<Host, "files" | "signal">,
): Promise<readonly string[]> {
  const lines: string[] = [];
  try {
    for await (const line of readLines(files.read(path), signal)) lines.push(line);
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    if (!(error instanceof CommandError)) throw fileError(`read ${path}`, error);
    throw new CommandError(error.message.replace("Cannot read", () => `Cannot read ${path},`));
  }
  return lines;
}

/** The plan without what is held: it is kept, and the plan says why. */
export function withHolds(plan: PurgePlan, holds: ReadonlySet<string>): PurgePlan {
  if (holds.size === 0) return plan;
  return {
    ...plan,
    items: plan.items.map((item) => {
      const { id, createdAt, endedAt, status } = item;
      return holds.has(id)
        ? { id, createdAt, endedAt, status, action: "keep", code: "held" }
        : item;
    }),
  };
}

/**
 * What is to be said of holds that a plan does not know: somebody may have mistyped what must stay.
 *
 * @param flags What the command line says.
 * @param holds All that is held, by whomever.
 * @param plan What there is.
 */
export function describeUnknownHolds(
  { hold = [] }: HoldFlags,
  holds: ReadonlySet<string>,
  { items }: PurgePlan,
): readonly string[] {
  const known = new Set(items.map(({ id }) => id));
  const unknown = [...holds].filter((id) => !known.has(id));
  const named = new Set(idsIn(hold).filter((id) => !known.has(id)));
  const lines = [...named].map((id) =>
    `Nothing is held by --hold ${id}: there is no such message batch`
  );
  if (unknown.length <= named.size) return lines;
  const are = unknown.length === 1 ? "is" : "are";
  return [...lines, `${unknown.length} of ${holds.size} holds ${are} not in the workspace`];
}

/** No id has a quote or a bracket: a hold that has one, such as of a list in JSON, would hold nothing. */
function checkHolds(ids: readonly string[]): void {
  const strange = ids.find((id) => /[^\w.~-]/.test(id));
  if (strange === undefined) return;
  throw new CommandError(
    `Cannot hold ${JSON.stringify(strange.slice(0, 80))}: an id has only letters, digits and -._~`,
  );
}

/** None has a comma: two that are joined by one would hold neither. */
function idsIn(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => text.split(",")).map((id) => id.trim());
}
