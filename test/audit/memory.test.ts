import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { verifyAuditTrail } from "../../src/audit/mod.ts";
import { entryOf } from "../fixtures/audit-entries.ts";

test("an audit trail of 100,000 entries is verified in bounded memory", {
  timeout: 90_000,
}, async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const held = () => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const encoder = new TextEncoder();
  const count = 100_000;
  let [bytes, most] = [0, 0];
  const lines = async function* (): AsyncGenerator<Uint8Array> {
    for (let number = 1; number <= count; number += 1) {
      if (number % 10_000 === 0) {
        await Promise.resolve();
        most = Math.max(most, held());
      }
      const line = `${JSON.stringify(entryOf(number, { actor: "x".repeat(1_000) }))}\n`;
      bytes += line.length;
      yield encoder.encode(line);
    }
  };
  const before = held();
  const { head } = await verifyAuditTrail(lines());
  expect(await verifyAuditTrail(lines(), { head })).toMatchObject({
    head,
    entries: count,
    openIntents: [],
    unchanged: true,
  });
  const megabytes = (value: number) => Math.round(value / 1_000_000);
  console.log(`${megabytes(most - before)} MB held at most, of ${megabytes(bytes / 2)} MB`);
  expect(most - before).toBeLessThan(20_000_000);
});
