import process from "node:process";
import { createJsonlAuditTrail } from "../audit/jsonl.ts";
import { CommandError } from "../cli/exit-code.ts";
import type { Address, Handler } from "../cli/host.ts";
import { fileProblem } from "../cli/input/file-problem.ts";
import type { AuditTrail } from "../core/ports.ts";
import { type Environment, serviceOptionsFrom } from "../service/environment.ts";
import { createMemoryStateStore } from "../service/memory-state-store.ts";
import { createService, type Service } from "../service/service.ts";
import { files } from "./files.ts";
import { listenProblem } from "./listen-problem.ts";

/** What a runtime does for the service. Each throws at once where it cannot. */
export interface ServiceRuntime {
  /** Runs something whenever a cron expression, in UTC, is due. */
  schedule(expression: string, run: () => Promise<void>): void;
  /** Serves a fetch handler over HTTP, and gives the port. */
  listen(address: Address, handler: Handler): { readonly port?: number | undefined };
}

/**
 * Starts the service that the environment of a process describes, once all of it was checked. What
 * cannot be used is said in one line, and ends the process: nothing was served or deleted.
 *
 * @param environment Reads a variable, or throws a `CommandError` where that is not permitted.
 */
export async function startService(
  environment: Environment,
  runtime: ServiceRuntime,
): Promise<void> {
  try {
    await start(environment, runtime);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(error.message.replace(/\s+/g, " "));
    process.exit(error.exitCode);
  }
}

/**
 * The state is in memory, the audit trail in `AUDIT_FILE`. Nobody limits how many requests a process
 * makes, so a run may be long.
 */
async function start(
  environment: Environment,
  { schedule, listen }: ServiceRuntime,
): Promise<void> {
  const read = (name: string) => environment(name)?.trim() || undefined;
  const { client, retention, ...others } = serviceOptionsFrom(environment);
  const options = {
    ...others,
    client,
    retention: { ...retention, requests: retention?.requests ?? 10_000 },
    stateStore: createMemoryStateStore(),
    onError: (error: unknown) => console.error(error),
  };
  await checkConfiguration(createService(options));
  const address = { hostname: read("HOST") ?? "127.0.0.1", port: portFrom(read("PORT") ?? "8787") };
  const expression = retention?.policy === undefined
    ? undefined
    : read("RETENTION_SCHEDULE") ?? "17 3 * * *";
  const auditTrail = await openTrail(read("AUDIT_FILE"));
  const service = createService({ ...options, client: { ...client, auditTrail } });

  // Nothing is waited for from here on: no run begins before it is certain that the service listens.
  if (expression !== undefined) {
    orRefuse(() => schedule(expression, () => service.scheduled()), () => notScheduled);
  }
  const { hostname } = address;
  const host = /^[\da-f]*:/i.test(hostname) ? `[${hostname}]` : hostname; // IPv6
  const { port = address.port } = orRefuse(
    () => listen(address, (request) => service.fetch(request)),
    (error) => `Cannot listen on ${host}:${address.port}: ${listenProblem(error)}`,
  );
  console.log(`Listening on http://${host}:${port}`);
}

const notScheduled =
  'Cannot use RETENTION_SCHEDULE: it is not a cron expression that this runtime takes, such as "17 3 * * *"';

/** A service that has not run yet is not healthy only where its configuration cannot be used. */
async function checkConfiguration(service: Service): Promise<void> {
  const response = await service.fetch(new Request("http://localhost/healthz"));
  if (response.ok) return;
  const { detail } = await response.json() as { readonly detail: string };
  throw new CommandError(detail);
}

function portFrom(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new CommandError("Cannot use PORT: it is not a whole number from 0 to 65535");
}

async function openTrail(path: string | undefined): Promise<AuditTrail | undefined> {
  if (path === undefined) return undefined;
  try {
    return createJsonlAuditTrail(await files.appendTo(path));
  } catch (error) {
    const isDenied = error instanceof Error && error.name === "NotCapable"; // Deno's own
    const folder = isDenied ? "; its folder needs --allow-read, too" : "";
    throw new CommandError(`Cannot use AUDIT_FILE: ${fileProblem(error)}${folder}`);
  }
}

/** Does what a runtime may refuse, and says so in the words of the environment. */
function orRefuse<T>(action: () => T, messageOf: (error: unknown) => string): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(messageOf(error));
  }
}
