import { hex } from "../core/bytes.ts";
import type { GatewayToken } from "./options.ts";

/** The longest token that is looked at, in characters. */
const longest = 512;

/**
 * Finds whose token a request carries, in `x-api-key` or as `Authorization: Bearer`. It takes the
 * same time whichever token it is, and whether it is one.
 *
 * @param headers Headers of the request.
 * @param tokens The tokens that are known.
 * @returns The token, or `undefined` where the request carries none that is known.
 */
export async function authenticate(
  headers: Headers,
  tokens: readonly GatewayToken[],
): Promise<GatewayToken | undefined> {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  let known: GatewayToken | undefined;
  for (const presented of [bearer, headers.get("x-api-key")]) {
    if (!presented || presented.length > longest) continue;
    const hash = await sha256(presented);
    for (const token of tokens) {
      if (isEqual(hash, token.sha256.toLowerCase())) known = token;
    }
  }
  return known;
}

async function sha256(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return hex(new Uint8Array(bytes));
}

/** Compares without stopping at the first difference. */
function isEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < one.length; index += 1) {
    difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  }
  return difference === 0;
}
