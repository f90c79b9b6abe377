#!/usr/bin/env -S bun --no-env-file
/**
 * The service under Bun: `bun --no-env-file src/adapters/bun-service.ts`.
 *
 * @module
 */
import process from "node:process";
import { startService } from "./process-service.ts";

await startService((variable) => process.env[variable]);
