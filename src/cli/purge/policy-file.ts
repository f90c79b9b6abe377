/**
 * A retention policy as a file, or in the environment.
 *
 * @module
 */
import { InvalidPolicyError } from "../../core/errors.ts";
import { parsePolicyText, type RetentionPolicy } from "../../purge/policy.ts";
import { CommandError } from "../exit-code.ts";
import type { Host } from "../host.ts";
import { readText } from "../input/read-text.ts";

/** The variable with a retention policy, as the service has it. */
const policyVariable = "RETENTION_POLICY";

const mostBytes = 16_777_216; // half a million holds
const mostNamed = 20;

/**
 * Reads a retention policy from a file.
 *
 * @throws {CommandError} It cannot be read or used: then nobody knows what must stay.
 */
export async function readPolicy(
  files: Pick<Host["files"], "read">,
  path: string,
): Promise<RetentionPolicy> {
  const limit = { bytes: mostBytes, what: "a retention policy" };
  return parse(await readText(files, path, limit), path);
}

/**
 * The retention policy of the environment. A variable that is blank counts as unset.
 *
 * @throws {CommandError} It cannot be used, or may not be read: then nobody knows what must stay.
 */
export function policyFrom(host: Pick<Host, "env" | "mayRead">): RetentionPolicy | undefined {
  if (host.mayRead?.(policyVariable) === false) {
    throw new CommandError(`Cannot tell what is held: permit --allow-env=${policyVariable}`);
  }
  const text = host.env(policyVariable)?.trim() ?? "";
  return text === "" ? undefined : parse(text, policyVariable);
}

/** @param name Where it is from. */
function parse(text: string, name: string): RetentionPolicy {
  try {
    return parsePolicyText(text);
  } catch (error) {
    if (!(error instanceof InvalidPolicyError)) {
      throw new CommandError(`Cannot use ${name}: it is not JSON`); // the error's text would quote it
    }
    const { issues } = error;
    const named = issues.slice(0, mostNamed).map(({ path, message }) =>
      `${path || "it"} ${message}`
    );
    const more = issues.length - mostNamed;
    const lines = [...named, ...more > 0 ? [`and ${more} more`] : []];
    throw new CommandError(
      [`Cannot use ${name}: it is no retention policy`, ...lines].join("\n  "),
    );
  }
}
