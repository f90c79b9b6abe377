/**
 * What a rule is, as interfaces only.
 *
 * @module
 */
import type { GenericSchema } from "../../deps.ts";
import type { DatedBatch } from "../dated-batch.ts";

/** The schema of an object that has these members and no others. */
export type MembersSchema<Value> = GenericSchema<unknown, Value> & {
  readonly entries: Readonly<Record<string, unknown>>;
};

/** What a rule says of a batch. */
export interface Verdict {
  readonly letsGo: boolean;
  /** Why, as the rest of a sentence that begins with "It". */
  readonly why: string;
}

/** A kind of rule: what it looks like in a policy, and what it means. */
export interface RuleKind<Rule extends { readonly type: string }> {
  readonly type: Rule["type"];
  /** What it looks like. Its messages go after a path, and quote nothing. */
  schema(): MembersSchema<Rule>;
  /**
   * What it means: a verdict for each batch, by the data given here alone. The verdict on a batch may
   * depend on the other batches, never on their order, nor on the other rules: then another rule never
   * lets more go. A batch that is judged was created and ended, and both are past.
   *
   * @param rule The rule, as a policy has it.
   * @param batches All batches there are, each once, also those that no rule can let go.
   * @param now The time to judge by, in milliseconds since the epoch.
   */
  judge(rule: Rule, batches: readonly DatedBatch[], now: number): (batch: DatedBatch) => Verdict;
}
