/** Writes bytes in hexadecimal, in small letters. */
export function hex(bytes: Uint8Array): string {
  const code = (digit: number) => digit + (digit < 10 ? 0x30 : 0x57);
  const codes: number[] = [];
  for (const byte of bytes) codes.push(code(byte >> 4), code(byte & 15));
  // In one piece: a text that is put together holds its pieces, which take many times as much.
  return String.fromCharCode(...codes);
}
