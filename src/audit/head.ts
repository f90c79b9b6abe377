import { cannotUse } from "../core/check.ts";
import type { AuditSeal } from "./seals.ts";

/** The head of a chain as a text: how many lines it seals, and the hash of the last of them. */
export function headOf({ line, hash }: AuditSeal): string {
  return `${line}:${hash}`;
}

/** Reads a head. */
export function parseHead(head: unknown): AuditSeal {
  const [, line, hash] = /^(0|[1-9]\d{0,14}):([0-9a-f]{64})$/.exec(String(head)) ?? [];
  if (line === undefined || hash === undefined) {
    throw cannotUse("head", "it is not a number of lines, a colon and a hash in hexadecimal");
  }
  return { line: Number(line), hash };
}
