/**
 * `audit`: reads a trail from a file, a SQLite database or the service, and says what there is in it.
 */
import { type AuditVerification, reportAuditTrail } from "../audit/mod.ts";
import { describeReport, describeUnreadable, verdictOf } from "./audit-report.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Args, Flags } from "./options.ts";
import type { Context } from "./output.ts";
import { countOf, describeRows, firstFew } from "./text.ts";
import { readSource } from "./trail-source.ts";
import { surveyTrail, surveyWith, type TrailSurvey } from "./trail.ts";

/** Runs `audit head`. */
export async function runHead(
  [path = ""]: Args,
  _: Flags,
  { host, output }: Context,
): Promise<number> {
  const { head } = await surveyTrail(readSource(path, host), path, optionsOf(host));
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
  const { entries, head } = await surveyTrail(passedOn(), path, optionsOf(host));
  await output.note(`${entries === 1 ? "1 entry" : `${entries} entries`}\n  Head ${head}\n`);
  return exitCode.done;
}

/** Runs `audit verify`: says whether a trail is unchanged, and what there is in it. */
export async function runVerify(
  [path = ""]: Args,
  { head, json = false }: Flags,
  { host, output }: Context,
): Promise<number> {
  const found = await surveyTrail(readSource(path, host), path, optionsOf(host, head));
  if (json) await output.json({ file: path, ...found });
  else await output.result(describeTrail(path, found));
  return await judge(path, found, head, output);
}

/** Runs `audit report`: says what a trail says, for an auditor. */
export async function runReport(
  [path = ""]: Args,
  { head, json = false }: Flags,
  { host, output }: Context,
): Promise<number> {
  const source = readSource(path, host);
  const report = await surveyWith(reportAuditTrail, source, path, optionsOf(host, head));
  if (json) await output.json({ source: path, ...report });
  else await output.result(describeReport(path, report));
  return await judge(path, report, head, output);
}

const optionsOf = ({ signal, clock }: Context["host"], head?: string) => ({
  signal,
  head,
  now: clock?.now(),
});

/** Tells whether the trail was changed since its head was written down. */
async function judge(
  path: string,
  { unchanged }: Pick<AuditVerification, "unchanged">,
  head: string | undefined,
  output: Context["output"],
): Promise<number> {
  if (unchanged !== false) return exitCode.done;
  await output.note(`Cannot verify ${path}: it was changed since its head was ${head}\n`, "bad");
  return exitCode.failed;
}

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
