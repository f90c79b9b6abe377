import { cancelMessageBatch } from "../core/batches.ts";
import type { Client } from "../core/client.ts";
import { WaitTimeoutError } from "../core/errors.ts";
import type { MessageBatch } from "../core/message-batch.ts";
import type { Steps } from "../core/ports.ts";
import { type Failure, settle, type Settled } from "./failure.ts";
import { stepConfig } from "./steps.ts";
import { untilEnded, type WaitOptions } from "./wait.ts";

/**
 * Makes a batch end before it is deleted: cancels it if it is being processed, and waits.
 *
 * @param steps What it is made of.
 * @returns The batch, ended.
 * @throws {WaitTimeoutError} It has not ended in time.
 */
export async function cancelUntilEnded(
  client: Client,
  id: string,
  options: WaitOptions,
  steps: Steps,
): Promise<MessageBatch> {
  const cancel = createCancel(client, id, options, steps);
  const end = await untilEnded(client, id, options, steps, cancel.act);
  if ("batch" in end) return end.batch;
  const action = `Cannot delete message batch ${JSON.stringify(id)}`;
  const requested = end.lastStatus === "canceling" ? "was" : cancel.requested();
  const canceled = requested ? `its cancellation ${requested} requested, and ` : "";
  const message = `${action}: ${end.still}; ${canceled}nothing was deleted`;
  throw new WaitTimeoutError(message, end.lastStatus);
}

interface Cancel {
  /** What a wait does about a batch that has not ended. */
  readonly act: (batch: MessageBatch, turn: number) => Promise<Settled<MessageBatch>>;
  /** Whether the cancellation was requested, to say so; undefined: it was not. */
  readonly requested: () => "was" | "may have been" | undefined;
}

/**
 * What cancels a batch in the course of a wait. One that is canceling needs nothing. A refusal means
 * as a rule that the batch has just ended, or that somebody else was quicker: the next look decides.
 */
function createCancel(
  client: Client,
  id: string,
  { signal, betas }: WaitOptions,
  steps: Steps,
): Cancel {
  let requested: "was" | "may have been" | undefined;
  let refusal: Failure | undefined;
  const act = async (batch: MessageBatch, turn: number): Promise<Settled<MessageBatch>> => {
    if (batch.processing_status === "canceling" || requested === "was") return { value: batch };
    if (refusal) return { failure: refusal };
    const canceled = await steps.do(
      `cancel ${turn}`,
      stepConfig,
      () => settle(() => cancelMessageBatch(client, id, { signal, betas }), signal),
    );
    if ("value" in canceled) {
      requested = "was";
      return canceled;
    }
    const { failure } = canceled;
    if (!failure.outcomeKnown) requested = "may have been";
    if (![400, 409, 422].includes(failure.status ?? 0)) return canceled;
    refusal = failure;
    return { value: batch };
  };
  return { act, requested: () => requested };
}
