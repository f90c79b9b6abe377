import { expect, test } from "vitest";
import * as mod from "../../mod.ts";

test("mod.ts exports this and nothing else", () => {
  expect(Object.keys(mod).sort()).toEqual([
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "BatchsweepError",
    "InvalidResponseError",
    "NotEndedError",
    "NotFoundError",
    "PurgeRefusedError",
    "WaitTimeoutError",
    "applyPurge",
    "cancelAndDeleteMessageBatch",
    "cancelMessageBatch",
    "checkClient",
    "createMemoryAuditTrail",
    "deleteFile",
    "deleteInvite",
    "deleteMemoryStore",
    "deleteMessageBatch",
    "deleteResource",
    "deleteSkill",
    "deleteSkillVersion",
    "deleteUser",
    "deleteWorkspaceMember",
    "evaluateFilter",
    "isBatchsweepError",
    "listMessageBatches",
    "parseMessageBatchFilter",
    "parsePurgePlan",
    "planPurge",
    "retrieveMessageBatch",
    "version",
    "waitUntilMessageBatchEnded",
  ]);
});
