#!/usr/bin/env -S bun --no-env-file
/**
 * The service under Bun: `bun --no-env-file src/adapters/bun-service.ts`.
 *
 * @module
 */
import { startService } from "./process-service.ts";

await startService();
