#!/usr/bin/env -S node --import ./scripts/npm-specifiers.ts
/**
 * The service under Node, from a checkout: `node --import ./scripts/npm-specifiers.ts
 * src/adapters/node-service.ts`. The package has it as the command `batchsweep-service`.
 *
 * @module
 */
import process from "node:process";
import { startService } from "./process-service.ts";

await startService((variable) => process.env[variable]);
