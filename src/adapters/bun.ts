#!/usr/bin/env -S bun --no-env-file
/**
 * The command as a Bun script: `bun src/adapters/bun.ts --help`.
 *
 * @module
 */
import process from "node:process";
import { main } from "../cli/mod.ts";
import { processHost } from "./process-host.ts";

process.exit(await main(process.argv.slice(2), processHost()));
