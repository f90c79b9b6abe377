import type { CommandContext } from "../commands/command-context.ts";

/** Says, when the user interrupts, what comes to its end and what does not. */
export function noteInterruption({ host, output }: Pick<CommandContext, "host" | "output">): void {
  host.signal.addEventListener("abort", () => {
    output.note(
      "Interrupted: nothing new is begun, a request in flight comes to its end; " +
        "interrupt again to end at once\n",
    );
  }, { once: true });
}
