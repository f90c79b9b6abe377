import type { Client } from "../../core/client.ts";
import { withPace } from "../../purge/with-pace.ts";
import { cancelOne, type CancelOutcome } from "./cancel-one.ts";
import { createCancelReport } from "./cancel-report.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { watchFirstAnswer } from "../run/first-answer.ts";
import { reportEach } from "../run/report-each.ts";
import { requestsAtOnce, runEach, waitsAtOnce } from "../run/run-each.ts";
import { createWaitLine } from "../run/wait-line.ts";

/** How message batches are canceled. */
export interface CancelBatchesOptions {
  /** Whether one that is not there is `missing` rather than `failed`. @default false */
  readonly ignoreNotFound?: boolean | undefined;
  /** How long to wait for the end of each, in milliseconds; without it, nothing is waited for. */
  readonly waitFor?: number | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Cancels message batches, and says what becomes of each.
 *
 * @returns The exit code.
 */
export async function cancelBatches(
  client: Client & { readonly baseUrl: string },
  ids: readonly string[],
  { ignoreNotFound: allowMissing = false, waitFor, json = false }: CancelBatchesOptions,
  { host, output }: {
    readonly host: Pick<CommandContext["host"], "signal" | "clock" | "stderr">;
    readonly output: CommandContext["output"];
  },
): Promise<number> {
  const { baseUrl } = client;
  const report = createCancelReport(output, { json, baseUrl, waitFor, signal: host.signal });
  const watched = watchFirstAnswer(withPace(client, requestsAtOnce));
  const thrown: unknown[] = [];
  const onCallerError = (error: unknown) => void thrown.push(error);
  const run = runEach(
    ids,
    (id, { now: signal }): Promise<CancelOutcome> =>
      cancelOne(watched.client, id, { allowMissing, waitFor, signal, onCallerError }),
    {
      signal: AbortSignal.any([host.signal, report.outputFailed]),
      concurrency: waitFor === undefined ? requestsAtOnce : waitsAtOnce,
      proven: watched.answered,
    },
  );
  const line = waitFor === undefined ? undefined : createWaitLine(ids.length, output, host);
  const code = await reportEach(
    run,
    async (outcome) => {
      line?.ended();
      await report.add(outcome);
    },
    async () => {
      await line?.close();
      return await report.end();
    },
  );
  if (thrown.length > 0) throw thrown[0];
  return code;
}
