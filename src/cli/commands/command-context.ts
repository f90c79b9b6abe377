import type { Host } from "../host.ts";
import type { CommandOutput } from "../terminal/output.ts";

/** What every command works with. */
export interface CommandContext {
  readonly host: Host;
  readonly output: CommandOutput;
  /** Sets the exit code. */
  end(code: number): void;
}
