/**
 * The service as a process of Node, Deno or Bun.
 *
 * @module
 */
import { writeSync } from "node:fs";
import process from "node:process";
import { readConfig, variableNames } from "../config/mod.ts";
import { fileProblem, isDenied, listenProblem } from "../config/system-errors.ts";
import { cannotUse, isArgumentError } from "../core/check.ts";
import { Cron } from "../service/deps.ts";
import { checkService, createService, createStorage, type LogRecord } from "../service/mod.ts";
import { serve } from "./serve.ts";
import { openSqlite, type SqliteDatabase } from "./sqlite.ts";

/** The service cannot start. The message is for the person who starts it. */
class StartError extends Error {}

/**
 * Starts the service. All variables are checked first: if one is invalid, or the service cannot listen,
 * the process prints one line and exits with code 2.
 *
 * @param read Reads a variable. Each is read once.
 * @param mayListen Whether a runtime permits to listen on `host:port`. Deno's error cannot be caught.
 */
export async function startService(
  read: (variable: string) => string | undefined,
  mayListen: (host: string) => boolean = () => true,
): Promise<void> {
  try {
    await start(Object.fromEntries(variableNames.map((name) => [name, read(name)])), mayListen);
  } catch (error) {
    if (!isArgumentError(error) && !(error instanceof StartError)) throw error;
    print(error.message.replace(/\s+/g, " "), stderr);
    process.exit(2);
  }
}

async function start(
  environment: Readonly<Record<string, string | undefined>>,
  mayListen: (host: string) => boolean,
): Promise<void> {
  const config = readConfig(environment);
  const options = {
    environment,
    log: (record: LogRecord) => print(JSON.stringify(record), stdout),
  };
  checkService(options);
  const { hostname, port, schedule } = config.process();
  if (config.policy() === undefined) checkIdle(config.has);
  const job = jobOf(schedule);
  const storage = createStorage(open(config.storage().database));
  const service = createService({ ...options, storage });

  const host = `${/^[\da-f]*:/i.test(hostname) ? `[${hostname}]` : hostname}:${port}`; // IPv6
  if (!mayListen(host)) {
    const why = "this process has no permission for it (--allow-net)";
    throw new StartError(`Cannot listen on ${host}: ${why}`);
  }
  const server = await serve(service.fetch, { hostname, port }).catch((error) => {
    throw new StartError(`Cannot listen on ${host}: ${listenProblem(error)}`);
  });
  job.schedule(() => service.scheduled().catch(() => {})); // the log tells
  print(`Listening on ${server.url}`, stdout, stderr);
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

/** Without a policy, a variable of retention does nothing: it is refused, since it may be a mistake. */
function checkIdle(has: (variable: string) => boolean): void {
  const idle = variableNames.find((name) => name.startsWith("RETENTION_") && has(name));
  if (idle !== undefined) throw cannotUse(idle, "RETENTION_POLICY is not set");
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
