/**
 * Judges the results of a batch as they come: whether they are complete, and what their hash is.
 *
 * @module
 */
import { createLineSplitter, hex, isBlank } from "../core/bytes.ts";
import { sha256 } from "../deps.ts";

/** Judges results, over as many answers as it takes. It holds one line, and the ids. */
export interface ResultsJudge {
  /** Begins an answer. What an earlier answer had must come again unchanged. */
  begin(): void;
  /** Takes bytes. It gives those that are new, or says why they cannot be the results. */
  take(chunk: Uint8Array): Uint8Array | string;
  /** Ends an answer. It says why it is not all the results; undefined: it is. */
  end(): string | undefined;
  /** How many bytes there are so far. */
  readonly bytes: number;
  /** Their SHA-256, in hexadecimal. */
  sha256(): string;
}

const maxLineBytes = 67_108_864; // the blank lines before it included
const maxIdLength = 256; // characters; the API documents 64, and every id is held

/**
 * Begins to judge results.
 */
export function createResultsJudge(expected: number): ResultsJudge {
  const ids = new Set<string>();
  const splitter = createLineSplitter(maxLineBytes + 1);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const hash = sha256.create();
  const digest = () => hex(hash.clone().digest());
  let bytes = 0;
  let sinceResult = 0; // bytes of complete lines
  let again = { left: 0, hash: sha256.create(), sha256: "" }; // what must come again

  /** The `custom_id` of a line that is a result; a line that is cut off is none. */
  const customIdOf = (line: Uint8Array): string | undefined => {
    try {
      // Object() of anything but an object has neither.
      const { custom_id, result } = Object(JSON.parse(decoder.decode(line)));
      const isResult = typeof result === "object" && result !== null && !Array.isArray(result);
      return isResult && typeof custom_id === "string" && custom_id.length <= maxIdLength
        ? custom_id
        : undefined;
    } catch {
      return undefined;
    }
  };
  /** Counts a line, and says why it is not a result. */
  const count = (line: Uint8Array, otherwise: string): string | undefined => {
    if (isBlank(line)) return undefined;
    const id = customIdOf(line);
    if (id === undefined) return otherwise;
    if (ids.size === expected) return `it has more lines than the batch has results, ${expected}`;
    if (ids.has(id)) return `its line ${ids.size + 1} has the custom_id of one before it`;
    ids.add(id);
    sinceResult = 0;
    return undefined;
  };

  return {
    begin() {
      again = { left: bytes, hash: sha256.create(), sha256: digest() };
    },
    take(chunk) {
      const repeated = chunk.subarray(0, again.left);
      const fresh = chunk.subarray(repeated.length);
      if (repeated.length > 0) {
        again.hash.update(repeated);
        again.left -= repeated.length;
        if (again.left === 0 && hex(again.hash.digest()) !== again.sha256) {
          return "it changed while it was asked for again";
        }
      }
      const tooLong = `it has a line of more than ${maxLineBytes} bytes`;
      for (const { bytes: line, ends } of splitter.split(fresh)) {
        sinceResult += line.length;
        if (!ends || sinceResult > maxLineBytes) return tooLong;
        const problem = count(line, `its line ${ids.size + 1} is not a result`);
        if (problem !== undefined) return problem;
      }
      if (sinceResult + splitter.rest().length > maxLineBytes) return tooLong;
      hash.update(fresh);
      bytes += fresh.length;
      return fresh;
    },
    end() {
      if (again.left > 0) return "it is shorter than when it was asked for before";
      const cut = `it breaks off: its line ${ids.size + 1} is not a whole result`;
      const problem = count(splitter.rest(), cut);
      if (problem !== undefined || ids.size === expected) return problem;
      return `it has ${ids.size} lines, and the batch ${expected} results`;
    },
    get bytes() {
      return bytes;
    },
    sha256: digest,
  };
}
