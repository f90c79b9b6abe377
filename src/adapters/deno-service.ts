#!/usr/bin/env -S deno run --unstable-cron --allow-net --allow-env=ANTHROPIC_*,WEBHOOK_SECRETS,GATEWAY_TOKENS,RETENTION_*,AUDIT_FILE,HOST,PORT
/**
 * The service under Deno. `AUDIT_FILE` needs `--allow-read` and `--allow-write`, too, and its folder
 * `--allow-read`.
 *
 * @module
 */
/// <reference lib="deno.unstable" />
import { CommandError } from "../cli/errors.ts";
import { startService } from "./process-service.ts";

function environment(variable: string): string | undefined {
  // Asked first: reading what is not permitted makes Deno ask the user.
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "granted") return Deno.env.get(variable);
  throw new CommandError(`Cannot tell whether ${variable} is set: permit --allow-env=${variable}`);
}

await startService(environment, {
  schedule(expression, run) {
    if (Deno.cron === undefined) {
      throw new CommandError(
        "Cannot run RETENTION_POLICY: Deno was started without --unstable-cron",
      );
    }
    Deno.cron("batchsweep retention", expression, run);
  },
  listen: (address, handler) => Deno.serve({ ...address, onListen() {} }, handler).addr,
});
