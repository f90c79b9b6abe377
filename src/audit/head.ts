/** The head of an audit trail, and what a verification by it finds. @module */
import { type AuditEntry, openAfterMs } from "../core/audit.ts";
import { bytesOf, type ByteSource, hex } from "../core/bytes.ts";
import {
  cannotUse,
  checkOptions,
  type Checks,
  defined,
  isFunction,
  isNumber,
} from "../core/check.ts";
import { sha256 } from "../deps.ts";
import { readAuditTrail, type ReadAuditTrailOptions, readChecks } from "./jsonl.ts";

/** Options of {@link verifyAuditTrail}. */
export interface VerifyAuditTrailOptions extends ReadAuditTrailOptions {
  /** Gets each entry, in order. */
  readonly onEntry?: ((entry: AuditEntry) => void) | undefined;
  /** A head of this trail that was remembered, such as `1042:9f86d0…`. */
  readonly head?: string | undefined;
  /**
   * How old an intent without an outcome is at least, to be open, in milliseconds. The deletion of a
   * younger one may still be under way. One so far in the future is open, too. @default 900_000
   */
  readonly openAfter?: number | undefined;
  /** When the age of intents is judged, in ms since the epoch. @default the current time */
  readonly now?: number | undefined;
}

/** What a verification found. */
export interface AuditVerification {
  /** The head of the trail: how many bytes it has, a colon, and their SHA-256 in hexadecimal. */
  readonly head: string;
  /** How many entries there are. */
  readonly entries: number;
  /** How many lines are not entries. `onUnreadable` gets each. */
  readonly unreadable: number;
  /** The intents that are open: the outcome of their deletions is unknown. */
  readonly openIntents: readonly AuditEntry[];
  /**
   * Whether the trail still begins with the bytes of the remembered head. It does not if a byte of them
   * was changed, added or taken away, or if the trail is shorter. Absent without a remembered head.
   */
  readonly unchanged?: boolean | undefined;
}

/**
 * Verifies an audit trail, in bounded memory: whether everything up to a remembered head is unchanged,
 * which lines are not entries, and which intents are open. Others may write meanwhile.
 *
 * Remember heads where those who can write the trail cannot. Without this library, the head
 * `1042:9f86d0…` of a file is checked with `head -c 1042 FILE | sha256sum`.
 *
 * @param source The bytes of the trail. They are read once.
 * @returns What was found. It does not reject because of what the bytes are.
 * @throws {TypeError} The head cannot be used, or the source gives text instead of bytes.
 * @throws What the source fails with.
 *
 * @example Notice a change
 * ```ts
 * import { verifyAuditTrail } from "batchsweep/audit";
 *
 * const bytes = (text: string) => [new TextEncoder().encode(text)];
 * const { head } = await verifyAuditTrail(bytes('{"version":1}\n')); // remember it elsewhere
 *
 * const longer = await verifyAuditTrail(bytes('{"version":1}\n{"version":1}\n'), { head });
 * const changed = await verifyAuditTrail(bytes('{"version":2}\n'), { head });
 * console.log(longer.unchanged, changed.unchanged); // true false
 * ```
 */
export async function verifyAuditTrail(
  source: ByteSource,
  options: VerifyAuditTrailOptions = {},
): Promise<AuditVerification> {
  const checked = checkOptions(options, verifyChecks);
  const { head, openAfter = openAfterMs, now = Date.now(), onEntry, onUnreadable } = checked;
  const remembered = head === undefined ? -1 : parseInt(head);
  const hash = sha256.create();
  let length = 0;
  let unchanged = head === undefined ? undefined : false;
  const headNow = () => `${length}:${hex(hash.clone().digest())}`;
  const take = (bytes: Uint8Array) => {
    hash.update(bytes);
    length += bytes.length;
    if (length === remembered) unchanged = headNow() === head;
  };
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    take(new Uint8Array()); // a trail can be remembered before it has anything
    for await (const bytes of bytesOf(source)) {
      const left = Math.max(0, remembered - length);
      take(bytes.subarray(0, left));
      take(bytes.subarray(left));
      yield bytes;
    }
  };

  const open = new Map<string, AuditEntry>();
  let entries = 0;
  let unreadable = 0;
  const trail = readAuditTrail(hashed(), {
    onUnreadable(line) {
      unreadable += 1;
      onUnreadable?.(line);
    },
  });
  for await (const entry of trail) {
    entries += 1;
    onEntry?.(entry);
    if (entry.phase === "intent") open.set(entry.id, entry);
    else open.delete(String(entry.intent));
  }
  const isYoung = ({ time }: AuditEntry) => Math.abs(now - Date.parse(time)) < openAfter;
  const openIntents = [...open.values()].filter((intent) => !isYoung(intent));
  return defined({ head: headNow(), entries, unreadable, openIntents, unchanged });
}

/** The check of a head. */
export function isHead(value: unknown, name: string): string {
  if (/^(0|[1-9]\d{0,14}):[0-9a-f]{64}$/.test(String(value))) return String(value);
  throw cannotUse(name, "it is not a number of bytes, a colon and a SHA-256 in hexadecimal");
}

/** The checks of {@link VerifyAuditTrailOptions}. */
export const verifyChecks: Checks<VerifyAuditTrailOptions> = {
  ...readChecks,
  onEntry: isFunction,
  head: isHead,
  openAfter: isNumber(0, Number.MAX_VALUE),
  now: isNumber(-Number.MAX_VALUE, Number.MAX_VALUE),
};
