#!/usr/bin/env -S bun --no-env-file
/**
 * The service under Bun.
 *
 * @module
 */
import process from "node:process";
import { startService } from "./process-service.ts";

await startService((name) => process.env[name], {
  schedule: (expression, run) => void Bun.cron(expression, run, { tz: "UTC" }),
  listen: (address, fetch) =>
    Bun.serve({
      ...address,
      idleTimeout: 255, // in seconds, and the most there is: a deletion may be tried several times
      fetch,
    }),
});
