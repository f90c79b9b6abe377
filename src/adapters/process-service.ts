import { writeSync } from "node:fs";
import process from "node:process";
import { createJsonlAuditTrail } from "../audit/jsonl.ts";
import { verifyAuditTrail } from "../audit/verify.ts";
import { CommandError, fileProblem, listenProblem } from "../cli/errors.ts";
import type { Address, Files, Handler, OpenFile } from "../cli/host.ts";
import { auditSource, surveyTrail } from "../cli/trail.ts";
import type { AuditTrail } from "../core/audit.ts";
import { checkOptions } from "../service/configuration.ts";
import { type Environment, serviceOptionsFrom } from "../service/environment.ts";
import { isEverDue } from "../service/is-ever-due.ts";
import { createMemoryStateStore } from "../service/memory-state-store.ts";
import type { ServiceOptions } from "../service/options.ts";
import { Problem } from "../service/problem.ts";
import { createService } from "../service/mod.ts";
import { files } from "./files.ts";

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
    print(error.message.replace(/\s+/g, " "), stderr);
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
  const expression = expressionFrom(read);
  checkConfiguration(options);
  const address = { hostname: read("HOST") ?? "127.0.0.1", port: portFrom(read("PORT") ?? "8787") };
  const auditFile = read(auditVariable);
  const auditTrail = auditFile === undefined ? undefined : await openTrail(auditFile);
  const service = createService({ ...options, client: { ...client, auditTrail } });

  // Nothing is waited for from here on: no run begins before it is certain that the service listens.
  if (expression !== undefined) {
    orRefuse(() => schedule(expression, () => service.scheduled()), () => notScheduled);
  }
  const { hostname } = address;
  const host = /^[\da-f]*:/i.test(hostname) ? `[${hostname}]` : hostname; // IPv6
  const { port = address.port } = orRefuse(
    () => listen(address, service.fetch),
    (error) => `Cannot listen on ${host}:${address.port}: ${listenProblem(error)}`,
  );
  print(`Listening on http://${host}:${port}`, stdout, stderr);
}

const notScheduled =
  'Cannot use RETENTION_SCHEDULE: it is not a cron expression that this runtime takes, such as "17 3 * * *"';

/** When the policy is applied; undefined: there is none. */
function expressionFrom(read: Environment): string | undefined {
  if (read("RETENTION_POLICY") === undefined) {
    const idle = retentionVariables.find((name) => read(name) !== undefined);
    if (idle === undefined) return undefined;
    throw new CommandError(`Cannot use ${idle}: RETENTION_POLICY is not set`);
  }
  const expression = read("RETENTION_SCHEDULE") ?? "17 3 * * *";
  if (isEverDue(expression)) return expression;
  throw new CommandError("Cannot use RETENTION_SCHEDULE: no month that it names has such a day");
}

const retentionVariables = [
  "RETENTION_SCHEDULE",
  "RETENTION_REQUESTS",
  "RETENTION_MAX_SHARE",
  "RETENTION_OVERDUE_AFTER",
];

function checkConfiguration(options: ServiceOptions): void {
  try {
    checkOptions(options);
  } catch (error) {
    throw error instanceof Problem ? new CommandError(error.message) : error;
  }
}

function portFrom(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new CommandError("Cannot use PORT: it is not a whole number from 0 to 65535");
}

const auditVariable = "AUDIT_FILE";

/**
 * Opens the audit trail of the service, and reads all of it, as the command does. It refuses a file
 * that is no audit trail, and a trail that was changed, since that could not be sealed afterwards.
 *
 * @param path Path of the file. It is created if it does not exist.
 */
async function openTrail(path: string): Promise<AuditTrail> {
  const file = await openTrailFile(path);
  try {
    await checkTrail(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return createJsonlAuditTrail(file);
}

async function openTrailFile(path: string): Promise<OpenFile> {
  try {
    return await files.appendTo(path);
  } catch (error) {
    const isDenied = error instanceof Error && error.name === "NotCapable"; // a class of Deno
    const folder = isDenied ? "; its folder needs --allow-read, too" : "";
    throw new CommandError(`Cannot use ${auditVariable}: ${fileProblem(error)}${folder}`);
  }
}

async function checkTrail(path: string): Promise<void> {
  // The messages name the variable, so the variable stands for the path here.
  const named: Pick<Files, "read"> = {
    read: (name) => files.read(name.replace(auditVariable, () => path)),
  };
  const { foreign } = await surveyTrail(named, auditVariable);
  if (foreign !== undefined) throw foreign;
  const { problem } = await verifyAuditTrail(auditSource(named, auditVariable));
  if (problem !== undefined) {
    throw new CommandError(`Cannot verify ${auditVariable}: ${problem.why}`);
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

const stdout = 1;
const stderr = 2;

/** Writes a line to the first that takes it. Where a disk is full, say, the service goes on without. */
function print(line: string, ...descriptors: readonly number[]): void {
  for (const descriptor of descriptors) {
    try {
      return void writeSync(descriptor, `${line}\n`);
    } catch {
      // The next one, then.
    }
  }
}
