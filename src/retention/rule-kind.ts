import * as registry from "./rules/registry.ts";
import type { RuleKind } from "./rules/rule.ts";

type RuleOf<Kind> = Kind extends RuleKind<infer Rule> ? Rule : never;

/** A rule of a retention policy: what is kept how long. */
export type RetentionRule = RuleOf<(typeof registry)[keyof typeof registry]>;

/** Every kind of rule. */
export function ruleKinds(): readonly RuleKind<RetentionRule>[] {
  return Object.values(registry);
}

/** The kind of rule that a type names; undefined where it names none. */
export function ruleKind(type: RetentionRule["type"]): RuleKind<RetentionRule>;
export function ruleKind(type: unknown): RuleKind<RetentionRule> | undefined;
export function ruleKind(type: unknown): RuleKind<RetentionRule> | undefined {
  return ruleKinds().find((kind) => kind.type === type);
}
