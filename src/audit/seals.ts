import { type ByteSource, linesOf } from "./jsonl.ts";

/** What seals a line and all before it. */
export interface AuditSeal {
  /** Which line, from 1. */
  readonly line: number;
  readonly hash: string;
}

// There is one way to write a seal, so that no change to it goes unseen.
const seal = /^\{"version":1,"line":([1-9]\d{0,14}),"hash":"([0-9a-f]{64})"\}\n$/;

/** A seal as a line of JSON. */
export function sealLine({ line, hash }: AuditSeal): string {
  return `${JSON.stringify({ version: 1, line, hash })}\n`;
}

/** Where one is in the reading of seals. */
export interface SealCursor {
  /** The seal that comes next; undefined: there is none. */
  readonly next: AuditSeal | undefined;
  /** At the end: whether the last complete line cannot be read. */
  readonly garbled: boolean;
  /** Goes on to the next one. */
  advance(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Begins to read seals, in the order in which they were written. Where several sealed at once, a line
 * has several. A line that cannot be read is passed over: a crash leaves such, and then what was not
 * written there comes after it.
 */
export async function readSeals(source: ByteSource): Promise<SealCursor> {
  const lines = completeLines(source);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let next: AuditSeal | undefined;
  let garbled = false;
  const advance = async () => {
    for (;;) {
      const { done, value } = await lines.next();
      if (done) return void (next = undefined);
      const [, line, hash] = seal.exec(decoder.decode(value)) ?? [];
      garbled = line === undefined || hash === undefined;
      if (line !== undefined && hash !== undefined) {
        return void (next = { line: Number(line), hash });
      }
    }
  };
  await advance();
  return {
    get next() {
      return next;
    },
    get garbled() {
      return garbled;
    },
    advance,
    close: async () => void await lines.return(),
  };
}

/** The lines that have ended and are not empty; `undefined` for one that is too long. */
async function* completeLines(
  source: ByteSource,
): AsyncGenerator<Uint8Array | undefined, void, undefined> {
  let held = true;
  for await (const { bytes, ends } of linesOf(source)) {
    if (ends && bytes.length > 1) yield held ? bytes : undefined;
    held = ends;
  }
}
