#!/usr/bin/env node
// The service. A clone runs the source; the package has none, and runs what was built of it.
import { existsSync } from "node:fs";

const source = new URL("../src/adapters/node-service.ts", import.meta.url);
const isClone = existsSync(source);
if (isClone) await import("../scripts/npm-specifiers.ts");
await import(isClone ? source.href : "../dist/lib/src/adapters/node-service.js");
