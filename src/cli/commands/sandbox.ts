import { checkPermission } from "../client/check-permission.ts";
import { type Command, InvalidArgumentError } from "../deps.ts";
import { CommandError, exitCode } from "../exit-code.ts";
import type { Server } from "../host.ts";
import { listenProblem } from "../input/listen-problem.ts";
import type { Sandbox } from "../../sandbox/mod.ts";
import type { CommandContext } from "./command-context.ts";

const defaultPort = 4010;

const examples = `
Examples:
  $ batchsweep sandbox
  $ batchsweep sandbox --port 0 --json

It listens on 127.0.0.1, takes any key, and forgets everything when it stops.`;

/** Adds `sandbox`: the API played locally, over HTTP. */
export function addSandboxCommand(program: Command, context: CommandContext): void {
  program.command("sandbox")
    .description("Play the Message Batches API locally, with a batch in every state")
    .option("--port <number>", "port to listen on; 0 takes any that is free", port, defaultPort)
    .option("--json", "print where it listens, and its batches, as one JSON object")
    .addHelpText("after", examples)
    .action(async (flags: { readonly port: number; readonly json?: true }) => {
      await runSandbox(flags, context); // an interruption is its end, and no exit code
    });
}

async function runSandbox(
  { port, json }: { readonly port: number; readonly json?: true },
  { host, output }: CommandContext,
): Promise<void> {
  checkPermission(host, `http://127.0.0.1:${port}`);
  // Here, so that no other command loads it.
  const { createSandbox } = await import("../../sandbox/mod.ts");
  const sandbox = createSandbox();
  const batches = seedEveryState(sandbox);
  let server: Server;
  try {
    server = await host.serve(sandbox.fetch, { hostname: "127.0.0.1", port });
  } catch (error) {
    const message = `Cannot listen on 127.0.0.1:${port}: ${listenProblem(error)}`;
    throw new CommandError(message, exitCode.failed);
  }
  try {
    const { url } = server;
    await output.result(json ? `${JSON.stringify({ url, batches })}\n` : welcome(url, batches));
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

const month = 30 * 86_400_000;

function seedEveryState(sandbox: Sandbox): readonly SeededBatch[] {
  const longAgo = new Date(sandbox.now() - month).toISOString();
  const seeds = [
    [{ processing_status: "ended", requests: 3 }, "can be deleted"],
    [{ request_counts: { errored: 1, canceled: 1, expired: 1 } }, "can be deleted"],
    [{ created_at: longAgo }, "can be deleted; its results are archived"],
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
  curl -X DELETE ${url}/v1/messages/batches/${id} -H "x-api-key: any" -H "anthropic-version: 2023-06-01"
  ANTHROPIC_API_KEY=any batchsweep delete --base-url ${url} ${id}

Ctrl-C stops it
`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) {
    throw new InvalidArgumentError("Give a number from 0 to 65535");
  }
  return value;
}
