import { describe, expect, test } from "vitest";
import { exportMessageBatchResults } from "../../mod.ts";
import { readAuditTrail } from "../../src/audit/mod.ts";
import { batchWith } from "../fixtures/results.ts";
import { apiKey } from "../fixtures/stub.ts";

const entry = {
  version: 1,
  id: "entry_1",
  time: "2026-11-01T00:00:00Z",
  operation: "delete",
  phase: "intent",
  resource: "message_batch",
};

/** What the memory holds more than before, at most while a line comes byte by byte, in megabytes. */
async function growth(line: string, read: (stream: ReadableStream<Uint8Array>) => Promise<void>) {
  const used = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const bytes = new TextEncoder().encode(line);
  const before = used();
  let most = 0;
  let at = 0;
  await read(
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (at % 50_000 === 0) most = Math.max(most, used() - before);
        if (at < bytes.length) controller.enqueue(bytes.slice(at, at += 1));
        else controller.close();
      },
    }, { highWaterMark: 0 }),
  );
  return most / 1e6;
}

describe("A line that comes byte by byte takes no more memory than in one piece, in", () => {
  test("exportMessageBatchResults()", async () => {
    const line = JSON.stringify({ custom_id: "a", result: { text: "x".repeat(900_000) } });
    const most = await growth(line, async (stream) => {
      const client = { apiKey, fetch: () => Promise.resolve(new Response(stream)) };
      let written = 0;
      const sink = new WritableStream<Uint8Array>({
        write: (chunk) => void (written += chunk.length),
      });
      await exportMessageBatchResults(client, batchWith(1), sink);
      expect(written).toBe(line.length);
    });
    expect(most).toBeLessThan(70);
  });

  test("readAuditTrail()", async () => {
    const objectId = "x".repeat(900_000);
    const most = await growth(JSON.stringify({ ...entry, objectId }), async (stream) => {
      for await (const read of readAuditTrail(stream)) expect(read.objectId).toBe(objectId);
    });
    expect(most).toBeLessThan(70);
  });
});
