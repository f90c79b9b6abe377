/**
 * Reads a stream up to a limit, and no further.
 *
 * @param stream The body of a request or an answer.
 * @param most The limit, in bytes.
 * @returns The bytes, or `undefined` where there are more.
 */
export async function readBytes(
  stream: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<Uint8Array | undefined> {
  if (stream === null) return new Uint8Array();
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!ArrayBuffer.isView(value)) {
      throw new TypeError("Cannot read a stream of anything but bytes");
    }
    length += value.byteLength;
    if (length > most) {
      // Not awaited: a hostile stream may never say that it has been canceled.
      reader.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(value);
  }
  if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0];
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
