/**
 * Deletes a batch: what a user would write for Node, Deno and Bun.
 *
 * @module
 */
import process from "node:process";
import { deleteMessageBatch } from "../../../mod.ts";

const [baseUrl, apiKey, id = ""] = process.argv.slice(2);
console.log(JSON.stringify(await deleteMessageBatch({ apiKey, baseUrl }, id)));
