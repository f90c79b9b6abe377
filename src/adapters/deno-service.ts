#!/usr/bin/env -S deno run --allow-net --allow-read=. --allow-write=. --allow-env=ANTHROPIC_*,WEBHOOK_SECRETS,GATEWAY_TOKENS,RETENTION_*,GRACE_PERIOD,AUDIT,DATABASE,HOST,PORT,NO_PROXY
/**
 * The service under Deno. `--allow-read` and `--allow-write` are for the folder of `DATABASE`.
 *
 * @module
 */
import { unreadable } from "../config/mod.ts";
import { startService } from "./process-service.ts";

const isGranted = (permission: Deno.PermissionDescriptor) =>
  Deno.permissions.querySync(permission).state === "granted";

await startService((variable) => {
  // Asked first: reading what is not permitted makes Deno ask the user.
  if (!isGranted({ name: "env", variable })) throw unreadable(variable);
  return Deno.env.get(variable);
}, isGranted);
