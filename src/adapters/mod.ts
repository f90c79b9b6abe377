/**
 * Files and a server for scripts, over `node:fs` and `node:http`: the same code runs under Node, Deno
 * and Bun.
 *
 * @example Store the results of a batch in a file, delete it, and record that in an audit trail
 * ```ts
 * import { deleteMessageBatch, exportMessageBatchResults, retrieveMessageBatch } from "batchsweep";
 * import { createJsonlAuditTrail, readAuditTrail } from "batchsweep/audit";
 * import { openAppendFile, openResultFolder, readFileBytes, serve } from "batchsweep/node";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played on this machine
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ requests: 3 });
 * const server = await serve(sandbox.fetch);
 * const file = await openAppendFile("audit.jsonl");
 * const auditTrail = createJsonlAuditTrail(file);
 * const client = { apiKey: "sk-ant-api03-example", baseUrl: server.url, auditTrail };
 *
 * const results = await openResultFolder("results");
 * const batch = await retrieveMessageBatch(client, id);
 * await exportMessageBatchResults(client, batch, await results.open(id));
 * await deleteMessageBatch(client, id);
 * await file.close();
 * await server.close();
 * for await (const { time, phase } of readAuditTrail(readFileBytes("audit.jsonl"))) {
 *   console.log(time, phase);
 * }
 * ```
 *
 * @module
 */
export { type OpenAppendFile, openAppendFile } from "./append-file.ts";
export { openResultFolder, readFileBytes } from "./files.ts";
export { serve, type ServeOptions, type Server } from "./serve.ts";
export type { AppendFile } from "../audit/mod.ts";
export type { ResultStore } from "../purge/mod.ts";
