/** Puts bytes together, however small the pieces are that they come in. */
export interface ByteBuffer {
  /** How many bytes there are. */
  readonly length: number;
  /** Copies bytes to the end. */
  append(piece: Uint8Array): void;
  /** What there is. Not a copy: it is good until the next call. */
  bytes(): Uint8Array;
  /** Takes all out. */
  clear(): void;
}

const mostKept = 1_048_576; // of the memory of what was taken out

/** Makes an empty buffer. It grows by doubling, so that a byte is copied twice on average. */
export function createByteBuffer(): ByteBuffer {
  let memory = new Uint8Array();
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(piece) {
      const needed = length + piece.length;
      if (needed > memory.length) {
        const before = memory.subarray(0, length);
        memory = new Uint8Array(Math.max(needed, 2 * memory.length, 1_024));
        memory.set(before);
      }
      memory.set(piece, length);
      length = needed;
    },
    bytes: () => memory.subarray(0, length),
    clear() {
      length = 0;
      if (memory.length > mostKept) memory = new Uint8Array();
    },
  };
}
