#!/usr/bin/env -S deno run --unstable-cron --allow-net --allow-env=ANTHROPIC_*,WEBHOOK_SECRETS,GATEWAY_TOKENS,RETENTION_*,AUDIT_FILE,HOST,PORT
/**
 * The service under Deno. `AUDIT_FILE` needs `--allow-read` and `--allow-write`, too.
 *
 * @module
 */
/// <reference lib="deno.unstable" />
import { createProcessService } from "./process-service.ts";

const { service, schedule, hostname, port } = await createProcessService((variable) => {
  // Asked first: reading what is not permitted makes Deno ask the user.
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "granted") return Deno.env.get(variable);
  if (!variable.startsWith("RETENTION_")) return undefined;
  const what = variable === "RETENTION_POLICY" ? "what is held" : "how retention runs";
  throw new Error(`Cannot tell ${what}: permit --allow-env=${variable}`);
});
if (schedule !== undefined) {
  if (Deno.cron === undefined) {
    throw new Error("Cannot run RETENTION_POLICY: Deno was started without --unstable-cron");
  }
  Deno.cron("batchsweep retention", schedule, () => service.scheduled());
}
Deno.serve({ hostname, port }, (request) => service.fetch(request));
