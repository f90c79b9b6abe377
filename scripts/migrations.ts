/**
 * `npm run migrations`: writes the migrations of src/storage as the files that
 * `wrangler d1 migrations apply` reads.
 *
 * @module
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { migrations } from "../src/storage/migrations.ts";

const folder = "src/adapters/cloudflare/migrations";
await rm(folder, { recursive: true, force: true });
await mkdir(folder);
for (const { name, sql } of migrations) await writeFile(`${folder}/${name}.sql`, sql);
