import { InvalidPolicyError } from "../core/errors.ts";
import { parseRetentionPolicy, type RetentionPolicy } from "./policy.ts";
import { repeatedName } from "./repeated-name.ts";
import { shownName } from "./shown-name.ts";

/**
 * Reads a retention policy from its JSON. What `JSON.parse()` drops is refused: of two members with
 * the same name, such as `holds`, nobody knows which was meant.
 *
 * @throws {SyntaxError} It is not JSON. The message may quote it.
 * @throws {InvalidPolicyError} It cannot be used.
 */
export function parsePolicyText(text: string): RetentionPolicy {
  const input: unknown = JSON.parse(text);
  const repeated = repeatedName(text);
  if (repeated === undefined) return parseRetentionPolicy(input);
  const issue = { path: shownName(repeated), message: "is there twice in one object" };
  throw new InvalidPolicyError(
    `Cannot use the retention policy: ${issue.path} ${issue.message}`,
    [issue],
  );
}
