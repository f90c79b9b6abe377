/** Message batches that stay whatever else is said, and the policies that hold some. */
import { InvalidPolicyError } from "../core/errors.ts";
import { messageBatch } from "../core/delete.ts";
import type { PurgePlan } from "../purge/plan.ts";
import { parsePolicyText, type RetentionPolicy } from "../purge/policy.ts";
import { CommandError } from "./errors.ts";
import type { Files, Host } from "./host.ts";
import { checkIds } from "./ids.ts";
import { readFileLines, readText } from "./input.ts";
import type { Flags } from "./options.ts";
import { quote } from "./text.ts";

/** Reads the ids that the command line holds: by name, by a file, and by a retention policy. */
export async function readHolds(
  { hold = [], holds, policy }: Flags,
  { files, signal }: Pick<Host, "files" | "signal">,
): Promise<ReadonlySet<string>> {
  const lines: string[] = [];
  if (holds !== undefined && holds !== "none") {
    for await (const line of readFileLines(files, holds, signal)) lines.push(line);
    if (lines.length === 0) {
      throw new CommandError(
        `Cannot use --holds ${holds}: it has no ids\nUse --holds none if nothing is held`,
      );
    }
  }
  const given = idsIn([...hold, ...lines]);
  checkIds(given, messageBatch, { insist: true });
  // A hold with a quote or a bracket in it, such as one of a JSON list, would hold nothing.
  const strange = given.find((id) => /[^\w.~-]/.test(id));
  if (strange !== undefined) {
    throw new CommandError(
      `Cannot hold ${quote(strange)}: an id has only letters, digits and -._~`,
    );
  }
  const { holds: others = [] } = policy === undefined ? {} : await readPolicy(files, policy);
  return new Set([...given, ...others]);
}

/** The ids of texts in which commas may separate several. */
function idsIn(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => text.split(",")).map((id) => id.trim());
}

/** The plan, as the command line applies it: it keeps what is held, and what has no results to save. */
export function withHolds(
  plan: PurgePlan,
  holds: ReadonlySet<string>,
  archived: "keep" | "delete",
): PurgePlan {
  return {
    ...plan,
    items: plan.items.map((item) => {
      const { action: _, code: __, ...batch } = item;
      if (holds.has(item.id)) return { ...batch, action: "keep", code: "held" };
      const isLost = archived === "keep" && item.archived && item.action !== "keep";
      return isLost ? { ...batch, action: "keep", code: "archived" } : item;
    }),
  };
}

/** What to say of holds that are not in the workspace: one of them may be mistyped. */
export function describeUnknownHolds(
  { hold = [] }: Flags,
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

const maxPolicyBytes = 16_777_216; // half a million holds
const maxNamedIssues = 20;

/** Reads a retention policy from a file. */
export async function readPolicy(
  files: Pick<Files, "read">,
  path: string,
): Promise<RetentionPolicy> {
  const limit = { bytes: maxPolicyBytes, what: "a retention policy" };
  const text = await readText(files, path, limit);
  try {
    return parsePolicyText(text);
  } catch (error) {
    if (!(error instanceof InvalidPolicyError)) {
      throw new CommandError(`Cannot use ${path}: it is not JSON`); // the error would quote it
    }
    const { issues } = error;
    const named = issues.slice(0, maxNamedIssues)
      .map(({ path, message }) => `${path || "it"} ${message}`);
    const more = issues.length - maxNamedIssues;
    const lines = [...named, ...more > 0 ? [`and ${more} more`] : []];
    throw new CommandError(
      [`Cannot use ${path}: it is no retention policy`, ...lines].join("\n  "),
    );
  }
}
