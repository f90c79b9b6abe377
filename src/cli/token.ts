/** `token create`: makes a token for the gateway. */
import { type GatewayToken, hashToken, tokenName } from "../config/mod.ts";
import { defined } from "../core/check.ts";
import { hex } from "../core/bytes.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Args, Flags } from "./options.ts";
import type { Context } from "./output.ts";
import { describeRows, quote } from "./text.ts";

/** Runs `token create`. */
export async function runCreateToken(
  [name = ""]: Args,
  { allow = ["batches:delete"], expires, minDaysSinceEnded, maxDeletesPerDay, json }: Flags,
  { output }: Context,
): Promise<number> {
  if (!tokenName.test(name)) {
    throw new CommandError(
      `Cannot use ${quote(name)}: a name is 1 to 64 letters, digits, spaces and characters of .@_-`,
    );
  }
  const token = `batchsweep_${hex(crypto.getRandomValues(new Uint8Array(24)))}`;
  const sha256 = await hashToken(token);
  const limits = { expiresAt: expires, minDaysSinceEnded, maxDeletesPerDay };
  const row: GatewayToken = defined({ name, sha256, allow, ...limits });
  if (json) await output.json({ token, row });
  else {
    await output.result(describeRows([["Token", token], ["Row", JSON.stringify(row)]], 5));
    await output.note("The token is not shown again\n", "faint");
  }
  return exitCode.done;
}
