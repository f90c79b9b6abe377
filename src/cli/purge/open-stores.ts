import type { ResultStore } from "../../core/ports.ts";
import { type AuditFile, openAuditFile } from "../audit/audit-file.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { fileError } from "../input/file-error.ts";

/** What a run writes to besides its outputs. */
export interface Stores {
  readonly exportTo?: ResultStore | undefined;
  readonly audit?: AuditFile | undefined;
}

/**
 * Opens what a run writes to, before anything is sent.
 *
 * @param flags Where it is.
 * @param ids The batches that are named, where they are.
 * @throws {CommandError} Something cannot be opened.
 */
export async function openStores(
  { audit, export: directory }: {
    readonly audit?: string | undefined;
    readonly export?: string | undefined;
  },
  ids: readonly string[],
  { host: { files, signal }, output }: Pick<CommandContext, "host" | "output">,
): Promise<Stores> {
  const exportTo = directory === undefined
    ? undefined
    : await files.resultsIn(directory).catch((error) => {
      throw fileError(`open ${directory}`, error);
    });
  if (audit === undefined) return { exportTo };
  return { exportTo, audit: await openAuditFile(files, audit, { ids, output, signal }) };
}
