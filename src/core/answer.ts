import { readBytes } from "./read-bytes.ts";

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An answer of the API, read whole, and not yet judged. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body, or why it is not text. */
  readonly body: { readonly text: string } | { readonly problem: string };
}

/** Reads an answer up to a limit, in bytes. It rejects only where the connection does. */
export async function readAnswer(response: Response, most: number): Promise<Answer> {
  const { status, headers } = response;
  const bytes = isShort(headers, most)
    ? new Uint8Array(await response.arrayBuffer())
    : await readBytes(response.body, most);
  const body = bytes === undefined ? { problem: `is longer than ${most} bytes` } : decode(bytes);
  return { status, headers, body };
}

/** Whether the length is known, and within the limit: then a runtime reads it faster by itself. */
function isShort(headers: Headers, most: number): boolean {
  return !headers.has("content-encoding") &&
    Number(headers.get("content-length") ?? Infinity) <= most;
}

function decode(bytes: Uint8Array): Answer["body"] {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return { problem: "is not UTF-8 text" };
  }
}
