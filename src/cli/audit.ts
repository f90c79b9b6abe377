/**
 * `audit`: reads a trail from a file, a SQLite database or the service, and says what there is in it.
 */
import {
  type AuditVerification,
  type ByteSource,
  reportAuditTrail,
  verifyAuditTrail,
  type VerifyAuditTrailOptions,
} from "../audit/mod.ts";
import { describeReport, describeUnreadable, verdictOf } from "./audit-report.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Action, Args, Flags } from "./options.ts";
import type { Context } from "./output.ts";
import { countOf, describeRows, firstFew } from "./text.ts";
import { readSource } from "./trail-source.ts";
import { surveyTrail, type TrailSurvey } from "./trail.ts";

const optionsOf = ({ signal, clock }: Host) => ({ signal, now: clock?.now() });

/** Runs `audit head`. */
export async function runHead(
  [path = ""]: Args,
  _: Flags,
  { host, output }: Context,
): Promise<number> {
  const source = readSource(path, host);
  const { head } = await surveyTrail(verifyAuditTrail, source, path, optionsOf(host));
  await output.result(`${head}\n`);
  return exitCode.done;
}

/** Runs `audit export`: writes the trail to stdout as it is. */
export async function runExportTrail(
  [path = ""]: Args,
  _: Flags,
  { host, output }: Context,
): Promise<number> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const write = async (bytes?: Uint8Array) => {
    let text: string;
    try {
      text = decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw new CommandError(`Cannot export ${path}: it is not UTF-8 text`);
    }
    await output.raw(text);
  };
  const passedOn = async function* () {
    for await (const bytes of readSource(path, host)) {
      await write(bytes);
      yield bytes;
    }
    await write();
  };
  const { entries, head } = await surveyTrail(verifyAuditTrail, passedOn(), path, optionsOf(host));
  await output.note(`${entries === 1 ? "1 entry" : `${entries} entries`}\n  Head ${head}\n`);
  return exitCode.done;
}

/** Makes an action that says what there is in a trail, and whether it is unchanged. */
function telling<Found extends AuditVerification>(
  survey: (source: ByteSource, options: VerifyAuditTrailOptions) => Promise<Found>,
  member: string,
  describe: (path: string, found: TrailSurvey<Found>) => string,
): Action {
  return async ([path = ""], { head, json }, { host, output }) => {
    const options = { ...optionsOf(host), head };
    const found = await surveyTrail(survey, readSource(path, host), path, options);
    if (json) await output.json({ [member]: path, ...found });
    else await output.result(describe(path, found));
    if (found.unchanged !== false) return exitCode.done;
    await output.note(`Cannot verify ${path}: it was changed since its head was ${head}\n`, "bad");
    return exitCode.failed;
  };
}

/** Runs `audit verify`: says whether a trail is unchanged, and what there is in it. */
export const runVerify: Action = telling(verifyAuditTrail, "file", describeTrail);

/** Runs `audit report`: says what a trail says, for an auditor. */
export const runReport: Action = telling(reportAuditTrail, "source", describeReport);

/** What was found, as a table of two columns. */
function describeTrail(
  path: string,
  { head, entries, unreadable, firstUnreadable, openIntents, unchanged }: TrailSurvey,
): string {
  return describeRows([
    ["Trail", path],
    ["Entries", String(entries)],
    ["No entries", unreadable > 0 && describeUnreadable(unreadable, firstUnreadable)],
    [
      "Open",
      openIntents.length > 0 && `${countOf(openIntents.length, "deletion")} of unknown outcome: ` +
        firstFew(openIntents.map(({ objectId }) => objectId), 5).join(", "),
    ],
    ["Head", head],
    ["Verdict", verdictOf(unchanged)],
  ], 10);
}
