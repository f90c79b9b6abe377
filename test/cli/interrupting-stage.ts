import {
  createGate,
  createStage,
  type Ended,
  type Given,
  type Runtime,
  type Stage,
} from "./runtimes.ts";

/** A stage on which commands are interrupted. */
export interface InterruptingStage extends Stage {
  /** Runs a command, interrupts it once a deletion is in flight, and then lets it finish. */
  interrupt(
    runtime: Runtime,
    args: readonly string[],
    given?: Given & { readonly signal?: "SIGINT" | "SIGTERM" | "SIGHUP" },
  ): Promise<Ended>;
}

/** Sets a stage that holds deletions back until the command was interrupted. */
export async function createInterruptingStage(): Promise<InterruptingStage> {
  const [asked, answer] = [createGate(), createGate()];
  const stage = await createStage(async (request, next) => {
    if (request.method === "DELETE") {
      asked.open();
      await answer.passed;
    }
    return await next(request);
  });
  return {
    ...stage,
    async interrupt(runtime, args, { signal = "SIGINT", ...given } = {}) {
      const running = stage.start(runtime, args, given);
      await asked.passed;
      running.child.kill(signal);
      await running.until("stderr", /^Interrupted/m);
      answer.open();
      return await running.ended;
    },
  };
}
