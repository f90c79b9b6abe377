import { createByteBuffer } from "../../core/byte-buffer.ts";

/** Checks and counts results, JSON lines, as they come. */
export interface ResultCounter {
  /** The results so far. A last line that has not ended is not among them. */
  readonly results: number;
  /**
   * Takes bytes. What is kept of them is a copy.
   *
   * @returns Why what there is so far cannot be the results; undefined: it can.
   */
  add(chunk: Uint8Array): string | undefined;
  /**
   * Ends the text. A last line without its end counts if it is a whole result.
   *
   * @returns Why it is not the results; undefined: it is.
   */
  end(): string | undefined;
}

const newline = 0x0a;
const longestId = 256; // characters; the API documents 64, and every one is held

/**
 * Begins to count. It holds one line, and the ids of the results.
 *
 * @param expected How many results there must be.
 * @param longestLine The bytes that a line can have, with the blank ones before it.
 */
export function createResultCounter(expected: number, longestLine: number): ResultCounter {
  const ids = new Set<string>();
  const line = createByteBuffer(); // what there is of the line that has not ended; not blank
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let open = 0; // bytes since the end of the last line that was not blank

  function tooLong(more: number): string | undefined {
    open += more;
    return open > longestLine ? `it has a line of more than ${longestLine} bytes` : undefined;
  }

  function take(bytes: Uint8Array, otherwise: string): string | undefined {
    const id = customIdOf(bytes, decoder);
    if (id === undefined) return otherwise;
    if (ids.size === expected) return `it has more lines than the batch has results, ${expected}`;
    if (ids.has(id)) return `its line ${ids.size + 1} has the custom_id of one before it`;
    ids.add(id);
    line.clear();
    open = 0;
    return undefined;
  }

  /** Takes the last piece of a line. */
  function endLine(piece: Uint8Array): string | undefined {
    const problem = tooLong(piece.length + 1);
    if (problem !== undefined) return problem;
    const otherwise = `its line ${ids.size + 1} is not a result`;
    if (line.length === 0) return isBlank(piece) ? undefined : take(piece, otherwise);
    line.append(piece);
    return take(line.bytes(), otherwise);
  }

  return {
    get results() {
      return ids.size;
    },
    add(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        const problem = endLine(chunk.subarray(from, at));
        if (problem !== undefined) return problem;
        from = at + 1;
      }
      const rest = chunk.subarray(from);
      const problem = tooLong(rest.length);
      if (problem !== undefined) return problem;
      if (line.length > 0 || !isBlank(rest)) line.append(rest);
      return undefined;
    },
    end() {
      const cut = `it breaks off: its line ${ids.size + 1} is not a whole result`;
      const problem = line.length > 0 ? take(line.bytes(), cut) : undefined;
      if (problem !== undefined || ids.size === expected) return problem;
      return `it has ${ids.size} lines, and the batch ${expected} results`;
    },
  };
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** The `custom_id` of a line that is a result. One that is cut off never is. */
function customIdOf(bytes: Uint8Array, decoder: TextDecoder): string | undefined {
  try {
    // Object() of what is no object has neither.
    const { custom_id, result } = Object(JSON.parse(decoder.decode(bytes)));
    if (typeof result !== "object" || result === null || Array.isArray(result)) return undefined;
    return typeof custom_id === "string" && custom_id.length <= longestId ? custom_id : undefined;
  } catch {
    return undefined;
  }
}
