/**
 * `sandbox`: the API played locally, over HTTP.
 *
 * @module
 */
import type { Sandbox } from "../sandbox/mod.ts";
import { listenProblem } from "../config/system-errors.ts";
import { checkPermission } from "./client.ts";
import type { Command } from "./deps.ts";
import { CommandError, exitCode, InvalidArgumentError } from "./errors.ts";
import type { CommandContext } from "./options.ts";
import type { Context } from "./output.ts";

const defaultPort = 4010;

const help = `
Examples:
  $ batchsweep sandbox
  $ batchsweep sandbox --port 0 --json

It listens on 127.0.0.1, takes any key, and forgets everything when it stops.`;

interface Flags {
  readonly port: number;
  readonly json?: boolean | undefined;
}

/** Adds `sandbox`. */
export function addSandboxCommand(program: Command, context: CommandContext): void {
  program.command("sandbox")
    .description("Play the Message Batches API locally, with a batch in every state")
    .option("--port <number>", "port to listen on; 0 takes any that is free", readPort, defaultPort)
    .option("--json", "print where it listens, and its batches, as one JSON object")
    .addHelpText("after", help)
    .action(async (flags: Flags) => {
      await runSandbox(flags, context); // an interruption ends it as planned: exit code 0
    });
}

function readPort(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("Give a number from 0 to 65535");
}

async function runSandbox({ port, json }: Flags, { host, output }: Context): Promise<void> {
  checkPermission(host, `http://127.0.0.1:${port}`);
  // Here, so that no other command loads it.
  const { createSandbox } = await import("../sandbox/mod.ts");
  const sandbox = createSandbox();
  const batches = seedEveryState(sandbox);
  const address = { hostname: "127.0.0.1", port };
  const server = await host.serve(sandbox.fetch, address).catch((error) => {
    const message = `Cannot listen on 127.0.0.1:${port}: ${listenProblem(error)}`;
    throw new CommandError(message, exitCode.failed);
  });
  try {
    const { url } = server;
    if (json) await output.json({ url, batches });
    else await output.result(welcome(url, batches));
    await aborted(host.signal);
  } finally {
    await server.close();
  }
}

interface SeededBatch {
  readonly id: string;
  readonly processing_status: string;
  readonly note: string;
}

const monthMs = 30 * 86_400_000;

function seedEveryState(sandbox: Sandbox): readonly SeededBatch[] {
  const longAgo = new Date(sandbox.now() - monthMs).toISOString();
  const seeds = [
    [{ processing_status: "ended", requests: 3 }, "can be deleted"],
    [{ request_counts: { errored: 1, canceled: 1, expired: 1 } }, "can be deleted"],
    [{ created_at: longAgo }, "can be deleted; results archived"],
    [{ processing_status: "in_progress", requests: 3 }, "ends in a minute"],
    [{ processing_status: "canceling", requests: 3 }, "ends in ten seconds"],
  ] as const;
  return seeds.map(([seed, note]) => {
    const { id, processing_status } = sandbox.seed(seed);
    return { id, processing_status, note };
  });
}

function welcome(url: string, batches: readonly SeededBatch[]): string {
  const id = batches[0]?.id ?? "";
  const rows = batches.map(({ id, processing_status, note }) =>
    `  ${id}  ${processing_status.padEnd(11)}  ${note}`
  );
  return `The sandbox listens on ${url}

${rows.join("\n")}

Try it from another terminal, with any key:
  export ANTHROPIC_API_KEY=any ANTHROPIC_BASE_URL=${url}
  batchsweep delete ${id}
or
  curl -X DELETE -H "x-api-key: any" -H "anthropic-version: 2023-06-01" \\
    ${url}/v1/messages/batches/${id}

Ctrl-C stops it
`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
