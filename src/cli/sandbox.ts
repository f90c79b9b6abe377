/**
 * `sandbox`: the API played locally, over HTTP.
 *
 * @module
 */
import type { Sandbox } from "../sandbox/mod.ts";
import { listenProblem } from "../config/system-errors.ts";
import { checkPermission } from "./client.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Flags } from "./options.ts";
import type { Context } from "./output.ts";

/** Runs `sandbox`. */
export async function runSandbox(
  _: readonly string[],
  { port = 4010, json }: Flags,
  { host, output }: Context,
): Promise<undefined> {
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
