import type { Client } from "../../core/client.ts";
import { WaitTimeoutError } from "../../core/errors.ts";
import type { ResultStore } from "../../core/ports.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { deleteBatch } from "./delete-batch.ts";
import { type Delete, deleteEach } from "./delete-each.ts";
import { createDeleteReport } from "./delete-report.ts";
import { describeDuration } from "../terminal/describe-duration.ts";
import { messageBatches } from "../kinds.ts";
import { reportEach } from "../run/report-each.ts";
import { requestsAtOnce, waitsAtOnce } from "../run/run-each.ts";
import { createWaitLine } from "../run/wait-line.ts";
import { watchCancellations } from "./watch-cancellations.ts";

/** What is done about message batches before they are deleted. */
export interface DeleteBatchesOptions {
  /** Whether those that have not ended are canceled, and waited for. */
  readonly cancel?: boolean | undefined;
  /** Whether those that have not ended are waited for. */
  readonly wait?: boolean | undefined;
  /** How long to wait for each, in milliseconds. @default 86_400_000 */
  readonly timeout?: number | undefined;
  /** Where results are stored first. */
  readonly exportTo?: ResultStore | undefined;
  readonly ignoreNotFound?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** Ids that are not deleted, whatever else is said. */
  readonly holds?: ReadonlySet<string> | undefined;
}

/**
 * Deletes message batches that may have to be canceled, waited for or exported before, several at a
 * time, and says what becomes of each.
 *
 * @returns The exit code.
 */
export async function deleteBatches(
  client: Client & { readonly baseUrl: string },
  ids: readonly string[],
  options: DeleteBatchesOptions,
  { host, output }: {
    readonly host: Pick<CommandContext["host"], "signal" | "clock" | "stderr">;
    readonly output: CommandContext["output"];
  },
): Promise<number> {
  const { cancel = false, wait = false, timeout = 86_400_000, json = false } = options;
  const { exportTo, holds } = options;
  const waits = cancel || wait;
  const allowMissing = options.ignoreNotFound ?? false;
  const waitedInVain = new Map<string, string>();
  const run: Delete = async (seen, id, signal) => {
    const settings = { cancel, wait, timeout, exportTo, allowMissing, signal };
    try {
      return await deleteBatch(seen, id, settings);
    } catch (error) {
      if (waits && error instanceof WaitTimeoutError) {
        waitedInVain.set(id, explain(error, id, timeout));
      }
      throw error;
    }
  };

  const { baseUrl } = client;
  const report = createDeleteReport(output, {
    kind: messageBatches,
    json,
    baseUrl,
    waits,
    signal: host.signal,
  });
  const concurrency = waits ? waitsAtOnce : requestsAtOnce;
  const line = waits ? createWaitLine(ids.length, output, host) : undefined;
  const cancellations = watchCancellations(client);
  const signal = AbortSignal.any([host.signal, report.outputFailed]);
  const settings = { signal, concurrency, holds };
  return await reportEach(
    deleteEach(cancellations.client, ids, run, settings),
    async (outcome) => {
      line?.ended();
      cancellations.add(outcome);
      await report.add(outcome, waitedInVain.get(outcome.id));
    },
    async () => {
      await line?.close();
      return await report.end(cancellations.left);
    },
  );
}

/** What the library says of a wait in vain, without what the line says before it. */
function explain({ message }: WaitTimeoutError, id: string, timeout: number): string {
  const why = message.replace(/^Cannot [a-z ]+ /, "").replace(`${JSON.stringify(id)}`, "")
    .replace(/^[^:]*: /, "").replace(`${timeout} ms`, describeDuration(timeout));
  return why.includes("nothing was deleted") ? why : `${why}; nothing was deleted`;
}
