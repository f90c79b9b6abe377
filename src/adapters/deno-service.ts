#!/usr/bin/env -S deno run --allow-net --allow-read --allow-write --allow-env=ANTHROPIC_*,WEBHOOK_SECRETS,GATEWAY_TOKENS,RETENTION_*,AUDIT,DATABASE,HOST,PORT
/**
 * The service under Deno. Instead of `--allow-read` and `--allow-write`, the folder of `DATABASE` is
 * enough.
 *
 * @module
 */
import { unreadable } from "../config/mod.ts";
import { startService } from "./process-service.ts";

await startService((variable) => {
  // Asked first: reading what is not permitted makes Deno ask the user.
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state !== "granted") throw unreadable(variable);
  return Deno.env.get(variable);
});
