/** `sandbox`: the API played locally, over HTTP. */
import type { SandboxMessageBatch, SeedRow } from "../sandbox/mod.ts";
import { unlessAborted } from "../core/abort.ts";
import { listenProblem } from "../config/system-errors.ts";
import { isObject } from "../core/check.ts";
import { checkPermission, commandOf, explained } from "./client.ts";
import { CommandError } from "./errors.ts";
import type { Host } from "./host.ts";
import { readText } from "./input.ts";
import type { Flags } from "./options.ts";
import type { Context } from "./output.ts";
import { countOf, formatCommand, toMinute } from "./text.ts";

/** Runs `sandbox`. */
export async function runSandbox(
  _: readonly string[],
  { port = 4010, json, seed = "5", rate, fault, latency }: Flags,
  { host, output }: Context,
): Promise<undefined> {
  checkPermission(host, `http://127.0.0.1:${port}`);
  const { now, random, sleep } = host.clock ?? {};
  const options = {
    ...{ now, random, sleep, rateLimit: rate, faults: fault, latency },
    seed: await readSeed(seed, host),
  };
  const { createSandbox } = await import("../sandbox/mod.ts"); // no other command loads it
  const sandbox = explained(() => createSandbox(options));
  const address = { hostname: "127.0.0.1", port };
  const server = await host.serve(sandbox.fetch, address).catch((error) => {
    const why = listenProblem(error);
    throw new CommandError(`Cannot listen on 127.0.0.1:${port}: ${why}; --port takes another`);
  });
  try {
    const { url } = server;
    const batches = sandbox.batches();
    if (json) await output.json({ url, batches });
    else await output.result(welcome(url, batches, host));
    await unlessAborted(new Promise(() => {}), host.signal).catch(() => {});
  } finally {
    await server.close();
  }
}

const limit = { bytes: 268_435_456, what: "a list of message batches" };

/** Reads what the sandbox begins with: a number of batches, or a file with a JSON object for each. */
async function readSeed(
  seed: string,
  { files, signal }: Pick<Host, "files" | "signal">,
): Promise<number | readonly SeedRow[]> {
  if (/^\d{1,6}$/.test(seed)) return Number(seed);
  const text = await readText(files, seed, limit, signal);
  const rows = parse(text) ?? text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const value = parse(line);
    if (value !== undefined) return value;
    throw new CommandError(`Cannot use ${seed}: line ${index + 1} is not JSON`);
  });
  return [rows].flat().map((row) => {
    if (!isObject(row)) return row;
    // Of what the API prints of a batch, null means absent.
    const { type: _, results_url: __, ...members } = row as Record<string, unknown>;
    return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
  });
}

function parse(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const shown = 5;

function welcome(url: string, batches: readonly SandboxMessageBatch[], host: Host): string {
  const rows = batches.slice(0, shown).map(({ id, processing_status, created_at, archived_at }) =>
    `  ${id}  ${processing_status.padEnd(11)}  ${toMinute(created_at) ?? created_at}${
      archived_at === null ? "" : "  archived"
    }\n`
  );
  const more = batches.length > shown ? `  and ${batches.length - shown} more\n` : "";
  const { id = "msgbatch_1" } = batches.find((one) => one.processing_status === "ended") ?? {};
  const command = commandOf(host, url);
  const lines = [
    ["export", `ANTHROPIC_BASE_URL=${url}`, "ANTHROPIC_API_KEY=any"],
    [...command, "list"],
    [...command, "delete", id],
  ].map((words) => formatCommand(words, host.stdout.columns));
  const headers = ["x-api-key: any", "anthropic-version: 2023-06-01"]
    .flatMap((header) => ["-H", header]);
  return `The sandbox listens on ${url}, with ${countOf(batches.length, "message batch")}

${rows.join("")}${more}
Try it from another terminal, with any key:
${lines.join("")}
or
${formatCommand(["curl", "-X", "DELETE", ...headers, `${url}/v1/messages/batches/${id}`])}
Ctrl-C stops it
`;
}
