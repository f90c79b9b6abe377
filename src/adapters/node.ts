#!/usr/bin/env -S node --import ./scripts/npm-specifiers.ts
/**
 * The command under Node, from a checkout: `node --import ./scripts/npm-specifiers.ts
 * src/adapters/node.ts --help`.
 *
 * @module
 */
import process from "node:process";
import { main } from "../cli/main.ts";
import { processHost } from "./process-host.ts";

process.exit(await main(process.argv.slice(2), processHost()));
