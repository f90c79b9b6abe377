/**
 * `retain`: deletes the message batches that a retention policy does not keep.
 *
 * @module
 */
import { createClient } from "./client.ts";
import { readHolds, readPolicy } from "./holds.ts";
import { type CommandContext, type Flags } from "./options.ts";
import { modeOf } from "./purge.ts";
import { runPurge } from "./purge-run.ts";

/** Runs `retain`. */
export async function runRetain(
  _: readonly string[],
  flags: Flags,
  context: CommandContext,
): Promise<number> {
  const { host } = context;
  const policy = await readPolicy(host.files, flags.policy ?? "");
  const source = { policy };
  const mode = modeOf(flags, source, host);
  const client = createClient(context, flags);
  const others = await readHolds({ ...flags, policy: undefined }, host);
  const holds = new Set([...policy.holds, ...others]);
  return await runPurge({ source, mode, client, holds }, flags, context);
}
