import { describe, expect, test } from "vitest";
import { linePieces } from "../../src/audit/line-pieces.ts";
import { createByteBuffer } from "../../src/core/byte-buffer.ts";
import { createResultCounter } from "../../src/purge/results/count-results.ts";

const text = JSON.stringify({ custom_id: "a", result: { text: "x".repeat(900_000) } });
const bytes = new TextEncoder().encode(text);

/** What the memory holds more than before, at most while a line comes byte by byte, in megabytes. */
async function growth(pass: (look: () => void) => unknown): Promise<number> {
  const used = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const before = used();
  let most = 0;
  await pass(() => most = Math.max(most, used() - before));
  return most / 1e6;
}

describe("A line that comes byte by byte takes no more memory than in one piece, in", () => {
  test("createResultCounter()", async () => {
    const counter = createResultCounter(1, 1_000_000);
    const most = await growth((look) => {
      for (const index of bytes.keys()) counter.add(bytes.subarray(index, index + 1));
      look();
    });
    expect(counter.end()).toBeUndefined();
    expect(most).toBeLessThan(70);
  });

  test("linePieces()", async () => {
    const most = await growth(async (look) => {
      let at = 0;
      const source = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (at % 50_000 === 0) look();
          if (at < bytes.length) controller.enqueue(bytes.slice(at, at += 1));
          else controller.close();
        },
      }, { highWaterMark: 0 });
      const pieces: string[] = [];
      for await (const piece of linePieces(source)) {
        pieces.push(new TextDecoder().decode(piece.bytes));
      }
      expect(pieces).toEqual([text]);
    });
    expect(most).toBeLessThan(70);
  });
});

test("createByteBuffer() holds what was added, and lets go of what was long", () => {
  const buffer = createByteBuffer();
  const piece = new Uint8Array([1, 2, 3]);
  buffer.append(piece);
  piece.fill(0);
  buffer.append(new Uint8Array());
  buffer.append(new Uint8Array([4]));
  expect([buffer.length, [...buffer.bytes()]]).toEqual([4, [1, 2, 3, 4]]);
  buffer.append(new Uint8Array(3_000_000).fill(5));
  expect([buffer.length, buffer.bytes()[3], buffer.bytes().at(-1)]).toEqual([3_000_004, 4, 5]);
  buffer.clear();
  expect([buffer.length, buffer.bytes().buffer.byteLength]).toEqual([0, 0]);
});
