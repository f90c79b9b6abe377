import { expect, test } from "vitest";
import { describePlan } from "../../src/cli/purge/preview.ts";

test("describePlan() says where the results and the record go", () => {
  const plan = {
    version: 1,
    createdAt: "2026-11-22T00:00:00Z",
    baseUrl: "https://api.anthropic.com",
    filter: "*",
    items: [],
  } as const;
  const given = { stored: false, held: 0, known: [] };
  const text = describePlan(plan, { ...given, exportTo: "saved", auditTo: "audit.jsonl" });
  expect(text).toContain("\nResults    saved to saved first\n");
  expect(text).toContain("\nRecord     each deletion goes to audit.jsonl\n");
  expect(describePlan(plan, given)).not.toMatch(/^(Results|Record|Kept)/m);
});
