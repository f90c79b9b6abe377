#!/usr/bin/env -S bun --no-env-file
/**
 * The service under Bun.
 *
 * @module
 */
import process from "node:process";
import { createProcessService } from "./process-service.ts";

const { service, schedule, hostname, port } = await createProcessService((name) =>
  process.env[name]
);
if (schedule !== undefined) {
  Bun.cron(schedule, () => service.scheduled(), { tz: "UTC" });
}
const { url } = Bun.serve({
  hostname,
  port,
  idleTimeout: 255, // in seconds, and the most there is: a deletion may be tried several times
  fetch: (request) => service.fetch(request),
});
console.log(`Listening on ${url}`);
