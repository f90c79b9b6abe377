/**
 * The service as a process of Node, Deno or Bun.
 *
 * @module
 */
import { writeSync } from "node:fs";
import process from "node:process";
import { readConfig, variableNames } from "../config/mod.ts";
import { connectionHints, fileProblem, isDenied, listenProblem } from "../config/system-errors.ts";
import { openAfterMs } from "../core/audit.ts";
import { cannotUse, isArgumentError } from "../core/check.ts";
import { checkClient, maxTimer } from "../core/client.ts";
import { Cron } from "../service/deps.ts";
import {
  checkService,
  createOperations,
  createService,
  createStorage,
  type LogRecord,
  type Service,
} from "../service/mod.ts";
import { bypassProxy, interruptingSignals, statusFile } from "./process-host.ts";
import { serve } from "./serve.ts";
import { openSqlite, type SqliteDatabase } from "./sqlite.ts";

type IsGranted = (
  permission:
    | { name: "net"; host: string }
    | { name: "read"; path: string }
    | { name: "env"; variable: string },
) => boolean;

/**
 * Runs the service until a signal ends it. All variables are checked first: if one is invalid, or the
 * service cannot listen, the process prints one line and exits with code 2.
 *
 * SIGTERM, SIGINT and SIGHUP let what is under way end within `GRACE_PERIOD`, with code 0. A second
 * signal aborts it. Code 1 says that something was cut off; the next start settles its outcome.
 *
 * @param read Reads a variable. Each is read once. @default from `process.env`
 * @param isGranted Whether the runtime permits something. Deno's error about listening cannot be caught.
 */
export async function startService(
  read: (variable: string) => string | undefined = (variable) => process.env[variable],
  isGranted: IsGranted = () => true,
): Promise<void> {
  try {
    await run(Object.fromEntries(variableNames.map((name) => [name, read(name)])), isGranted);
  } catch (error) {
    if (!isArgumentError(error)) throw error;
    refuse(error.message);
  }
}

/** Ends a process that cannot start. */
function refuse(message: string): never {
  print(message.replace(/\s+/g, " "), stderr);
  process.exit(2);
}

async function run(
  environment: Readonly<Record<string, string | undefined>>,
  isGranted: IsGranted,
): Promise<void> {
  const [stop, cut] = [new AbortController(), new AbortController()];
  const stopped = new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  for (const signal of interruptingSignals(isGranted({ name: "read", path: statusFile }))) {
    process.on(signal, () => (stop.signal.aborted ? cut : stop).abort());
  }

  const config = readConfig(environment);
  const options = {
    environment,
    signal: stop.signal,
    cutSignal: cut.signal,
    // Deno and Bun repeat a request unseen when a connection that was used before breaks.
    ...isNode ? {} : { client: { headers: { connection: "close" } } },
    log(record: LogRecord) {
      const { code = record.error?.code } = record;
      const isUnreached = code === "ERR_CONNECTION" || code === "ERR_TIMEOUT";
      const [hint] = isUnreached ? connectionHints(undefined, baseUrl, env) : [];
      print(JSON.stringify({ ...record, hint }), stdout);
    },
  };
  checkService(options);
  const { baseUrl } = checkClient(config.client());
  const env = (variable: string) =>
    isGranted({ name: "env", variable }) ? process.env[variable] : undefined;
  checkConnection(baseUrl, isGranted);
  const [hostname, port, schedule] = [config.hostname(), config.port(), config.schedule()];
  const idle = variableNames.find((name) => name.startsWith("RETENTION_") && config.has(name));
  if (idle && config.policy() === undefined) throw cannotUse(idle, "RETENTION_POLICY is not set");
  const job = jobOf(schedule);
  const audit = config.audit();
  const database = config.database() ?? (audit ? "batchsweep.sqlite" : ":memory:");
  const storage = createStorage(open(database));
  const operations = createOperations((id) => service.operate(id));
  const service: Service = createService({ ...options, storage, operations });

  const host = `${/^[\da-f]*:/i.test(hostname) ? `[${hostname}]` : hostname}:${port}`; // IPv6
  if (!isGranted({ name: "net", host })) {
    refuse(`Cannot listen on ${host}: this process has no permission for it (--allow-net)`);
  }
  const server = await serve(service.fetch, { hostname, port })
    .catch((error) => refuse(`Cannot listen on ${host}: ${listenProblem(error)}`));
  const hasTokens = config.has("GATEWAY_TOKENS");
  const scopes = hasTokens ? config.gatewayTokens().flatMap(({ allow }) => allow) : [];
  const served = [
    config.has("WEBHOOK_SECRETS") && "/webhook",
    hasTokens && "/v1",
    scopes.includes("audit:read") && "/audit",
    scopes.includes("operations:read") && "/operations",
    "/healthz",
    config.policy() === undefined ? "no retention" : `retention at ${schedule}`,
    audit ? `audit trail in ${database}` : "no audit trail",
  ].filter(Boolean);
  print(`Listening on ${server.url} (${served.join(", ")})`, stdout, stderr);

  let runs: Promise<unknown> = Promise.resolve();
  // What becomes of a run is in the log.
  const begin = (run: Promise<void>) => runs = Promise.allSettled([runs, run]);
  begin(service.settle());
  // By then, each intent of a process before this one is old enough to be settled.
  setTimeout(() => begin(service.settle()), openAfterMs).unref();
  job.schedule(async () => void await begin(service.scheduled()));

  await stopped;
  job.stop();
  const grace = config.gracePeriod();
  cut.signal.addEventListener("abort", () => setTimeout(() => process.exit(1), grace / 10));
  setTimeout(() => process.exit(1), Math.min(grace, maxTimer));
  await Promise.all([server.drain(), runs, operations.idle()]);
  process.exit(cut.signal.aborted ? 1 : 0);
}

const isNode = !("Deno" in globalThis) && process.versions["bun"] === undefined;

/** Checks that the API may be asked. Plain HTTP is for loopback: a proxy would see the key. */
function checkConnection(baseUrl: string, isGranted: IsGranted): void {
  const { protocol, hostname, port } = new URL(baseUrl);
  const host = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  if (!isGranted({ name: "net", host })) {
    throw cannotUse(host, "this process has no permission for it (--allow-net)");
  }
  if (protocol === "https:") return;
  if (!isGranted({ name: "env", variable: "NO_PROXY" })) {
    const why = "a proxy could see the key; permit --allow-env=NO_PROXY";
    throw cannotUse("ANTHROPIC_BASE_URL", why);
  }
  bypassProxy(hostname);
}

/** A job that is not scheduled yet, in UTC. If a run is late, no other joins it. */
function jobOf(expression: string): Cron {
  let job: Cron;
  try {
    job = new Cron(expression, { timezone: "UTC", protect: true });
  } catch {
    throw cannotUse("RETENTION_SCHEDULE", 'it is not a cron expression such as "17 3 * * *"');
  }
  if (job.nextRun() === null) throw cannotUse("RETENTION_SCHEDULE", "it is never due");
  return job;
}

function open(path: string): SqliteDatabase {
  try {
    return openSqlite(path);
  } catch (error) {
    const folder = isDenied(error) ? "; its folder needs it, too" : "";
    throw cannotUse("DATABASE", `${fileProblem(error)}${folder}`);
  }
}

const stdout = 1;
const stderr = 2;

/** Writes a line to the first stream that takes it. If the disk is full, the service goes on without. */
function print(line: string, ...streams: readonly number[]): void {
  for (const stream of streams) {
    try {
      return void writeSync(stream, `${line}\n`);
    } catch {
      // Try the next one.
    }
  }
}
