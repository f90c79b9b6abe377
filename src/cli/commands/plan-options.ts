import type { Command } from "../deps.ts";
import type { HoldFlags } from "../purge/holds.ts";
import type { ModeFlags } from "../purge/purge-mode.ts";
import type { CommonFlags } from "./common-options.ts";

/** What every command takes that makes a plan, shows it and applies it. */
export interface PlanFlags extends CommonFlags, HoldFlags, ModeFlags {
  readonly export?: string | undefined;
  readonly audit?: string | undefined;
}

/** Adds how far it goes. */
export function addModeOptions(command: Command): Command {
  return command
    .option("--dry-run", "show what would be deleted, and delete nothing, whatever else is said")
    .option("--yes", "delete without a question")
    .option("--plan-out <file>", "write the plan to a new file, and delete nothing");
}

/** Adds what it writes to. */
export function addStoreOptions(command: Command): Command {
  return command
    .option("--export <directory>", "save results first: a file per batch, in the directory")
    .option("--audit <file>", "record every deletion in a file, and go on from what it has");
}
