import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as mod from "../../mod.ts";

test("mod.ts exports these values and nothing else", () => {
  expect(Object.keys(mod).sort()).toEqual([
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "BatchsweepError",
    "InvalidPolicyError",
    "InvalidResponseError",
    "NotEndedError",
    "NotFoundError",
    "PurgeRefusedError",
    "WaitTimeoutError",
    "cancelAndDeleteMessageBatch",
    "cancelMessageBatch",
    "deleteMessageBatch",
    "exportMessageBatchResults",
    "listMessageBatches",
    "retrieveMessageBatch",
    "version",
    "waitUntilMessageBatchEnded",
  ]);
});

test("mod.ts exports at most 45 names, types included", () => {
  const code = readFileSync("mod.ts", "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  const names = [...code.matchAll(/export (?:type )?\{([^}]*)\}/g)]
    .flatMap(([, list = ""]) => list.split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "");
  expect(names.length).toBeGreaterThan(Object.keys(mod).length);
  expect(names.length).toBeLessThanOrEqual(45);
});
