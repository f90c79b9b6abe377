/**
 * The service: deletes on behalf of others, by webhook, by gateway and on a schedule.
 *
 * @module
 */
import { type Environment, readConfig } from "../config/mod.ts";
import {
  cannotUse,
  checkOptions,
  type Checks,
  hasMethods,
  isFunction,
  isNumber,
  isSignal,
} from "../core/check.ts";
import { type Client, systemClock } from "../core/client.ts";
import type { Steps } from "../purge/wait.ts";
import type { Storage } from "../storage/mod.ts";
import { answerAudit } from "./audit.ts";
import { type Context, type State, timeOf } from "./deletion.ts";
import { Hono } from "./deps.ts";
import { answerGateway } from "./gateway.ts";
import type { Line, LogRecord } from "./log.ts";
import { operate, type Operations, readOperation, takeUpOperations } from "./operations.ts";
import { Problem, toProblem } from "./problem.ts";
import { answerHealth, checkConfig, runSchedule, settleOpenIntents } from "./retention.ts";
import { receiveWebhook } from "./webhook.ts";

export type { Environment, GatewayToken, Scope } from "../config/mod.ts";
export type { StepConfig, Steps } from "../purge/wait.ts";
export type { LogRecord } from "./log.ts";
export { createOperations, type Operations } from "./operations.ts";
export {
  createStorage,
  type Database,
  type EntriesOptions,
  migrations,
  type NotableRuns,
  type Operation,
  type Rows,
  type Statement,
  type Storage,
  type StoredRun,
} from "../storage/mod.ts";

/** What the service works with. */
export interface ServiceOptions {
  /** The variables that configure it, such as `process.env` or a Worker's `env`. */
  readonly environment: Environment;
  /** Options of the client that no variable has, such as its `fetch`, its `clock` or an `auditTrail`. */
  readonly client?: Client | undefined;
  /**
   * Where deletions are recorded, and where holds and the results of runs are.
   *
   * @default none: nothing is deleted, unless `AUDIT=off` or the client has an `auditTrail`
   */
  readonly storage?: Storage | undefined;
  /**
   * What runs operations: batches that have not ended are canceled and waited for. It needs `storage`.
   *
   * @default none: such a batch is not canceled
   */
  readonly operations?: Operations | undefined;
  /**
   * How many requests to the API a retention run may make, if `RETENTION_REQUESTS` does not say.
   *
   * @default no limit
   */
  readonly requests?: number | undefined;
  /**
   * How long a retention run may begin deletions, in milliseconds. The next run goes on.
   *
   * @default 3_540_000
   */
  readonly runTime?: number | undefined;
  /**
   * Gets a record of every request, retention run and operation when it has ended, without secrets. Of
   * requests to `/healthz`, those that meet an error of the database.
   *
   * @default none
   */
  readonly log?: ((record: LogRecord) => void) | undefined;
  /**
   * Stops the service: requests are answered 503, and nothing begins a deletion. What is under way ends
   * within `GRACE_PERIOD`; a deletion that has not ended then is aborted, and recorded as unknown.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Aborts the deletions that are under way, at once. They are recorded as unknown.
   *
   * @default none
   */
  readonly cutSignal?: AbortSignal | undefined;
}

/** The service: what it does about each kind of event, the same on every runtime. */
export interface Service {
  /**
   * Answers a request. It never rejects. It takes no further arguments, such as the server that
   * `Bun.serve` passes.
   */
  fetch(request: Request): Promise<Response>;
  /**
   * Runs the retention policy once, if there is one.
   *
   * @param event What the runtime gives; it is ignored.
   * @throws {Error} The run failed. The log and `/healthz` say why.
   */
  scheduled(event?: unknown): Promise<void>;
  /**
   * Settles the deletions that an earlier process left without an outcome, as every run does: those that
   * are older than a call can last (15 minutes). It takes up the operations that are open. For the start
   * of a process.
   *
   * @throws {Error} It failed. The log says why.
   */
  settle(): Promise<void>;
  /**
   * Runs an operation to its end: for what runs {@link Operations}. It can always be run again.
   *
   * @param id ID of the operation.
   * @param steps Runs its steps, such as a Cloudflare `WorkflowStep`.
   * @throws {Error} It was stopped, or its engine failed. It stays open.
   */
  operate(id: string, steps?: Steps): Promise<void>;
}

const isObject = (value: unknown, name: string) => {
  if (typeof value === "object" && value !== null) return value as Environment;
  throw cannotUse(name, "it is not an object");
};

const serviceChecks: Checks<ServiceOptions> = {
  environment: isObject,
  client: isObject,
  storage: hasMethods<Storage>("a Storage", "isHeld", "check"),
  operations: hasMethods<Operations>("an Operations object", "start", "isRunning"),
  requests: isNumber(1, 1e9, { whole: true }),
  runTime: isNumber(1, 3_540_000),
  log: isFunction,
  signal: isSignal,
  cutSignal: isSignal,
};

/**
 * Makes the service. It reads its variables when it needs them, and each section of them once: for
 * other variables, make another service.
 *
 * @param options What it works with.
 * @returns Its handlers. An error is answered as an RFC 9457 problem, and on the gateway in the API's
 *   shape. `/healthz` tells how the schedule goes.
 * @throws {TypeError | RangeError} An option cannot be used.
 */
export function createService(options: ServiceOptions): Service {
  const { environment, ...checked } = checkOptions(options, serviceChecks);
  if (environment === undefined) throw cannotUse("environment", "there is none");
  const state = stateOf({ environment, ...checked });
  const app = createApp();
  return {
    fetch: (request) => work("request", checked, state, (context) => answer(app, request, context)),
    scheduled: () => work("run", checked, state, runSchedule),
    settle: () =>
      work("run", checked, state, async (context) => {
        await takeUpOperations(context);
        await settleOpenIntents(context);
      }),
    operate: (id, steps) =>
      work("operation", checked, state, (context) => operate(context, id, steps)),
  };
}

/** Works on a request, a run or an operation, and logs what became of it. */
async function work<Result>(
  event: LogRecord["event"],
  { client, log, signal, cutSignal, runTime = 3_540_000 }: Omit<ServiceOptions, "environment">,
  state: State,
  make: (context: Context) => Promise<Result>,
): Promise<Result> {
  const clock = client?.clock ?? systemClock;
  const startedAt = clock.now();
  const line: Line = { requests: 0 };
  const limit = new AbortController();
  const stop = new AbortController();
  const timers: ReturnType<typeof setTimeout>[] = [];
  const after = (duration: number, act: () => void) => timers.push(setTimeout(act, duration));
  const cut = () => limit.abort();
  const end = () => {
    stop.abort();
    let time = 22_500;
    try {
      time = timeOf(state);
    } catch {
      // A deletion says that GRACE_PERIOD is invalid, and so does /healthz.
    }
    after(time, () => limit.abort());
  };
  const time = new Date(startedAt).toISOString();
  const report = () => {
    try {
      log?.({ time, event, duration: clock.now() - startedAt, ...line });
    } catch {
      // It must not change an answer.
    }
  };
  try {
    cutSignal?.addEventListener("abort", cut);
    if (event === "request") end();
    else {
      if (signal?.aborted) end();
      signal?.addEventListener("abort", end);
      if (event === "run") after(runTime, () => stop.abort());
    }
    return await make({ state, line, limit: limit.signal, stop: stop.signal, report });
  } finally {
    timers.forEach(clearTimeout);
    signal?.removeEventListener("abort", end);
    cutSignal?.removeEventListener("abort", cut);
    const isNews = line.error !== undefined ||
      (event === "request" ? line["route"] !== "/healthz" : "outcome" in line);
    if (isNews) report();
  }
}

type App = Hono<{ Bindings: Context }>;

async function answer(app: App, request: Request, context: Context): Promise<Response> {
  const { state, line } = context;
  const { method, headers, url } = request;
  const path = URL.canParse(url) ? pathOf(request) : "";
  const own = path.replace(/^\/operations\/[^/]+$/, "/operations/:id");
  const route = own in ownPaths ? own : "gateway";
  let response: Response;
  if (state.signal?.aborted) {
    const later = { "retry-after": "5" };
    response = new Problem(503, "Cannot answer: the service stops", {}, later).toResponse();
  } else if (path === "" || !/^[\w.:[\]-]*$/.test(headers.get("host") ?? "")) {
    // A runtime makes the URL of it: with more in it than a host, it would change the path.
    response = new Problem(400, "Cannot answer: the Host header is not a host").toResponse();
  } else response = await app.fetch(request, context);
  response.headers.set("cache-control", "no-store");
  response.headers.set("x-content-type-options", "nosniff");
  Object.assign(line, { method, route, status: response.status });
  return response;
}

/** The service's own paths, and the methods that they take. All other paths are the gateway's. */
const ownPaths = {
  "/webhook": "POST",
  "/healthz": "GET, HEAD",
  "/audit": "GET, HEAD",
  "/operations/:id": "GET, HEAD",
};

const pathOf = ({ url }: Request) => new URL(url).pathname;

function createApp(): App {
  const app: App = new Hono({ getPath: pathOf }); // its own decodes: `/%61udit` would be `/audit`
  app.post("/webhook", ({ req, env }) => receiveWebhook(req.raw, env));
  app.get("/healthz", ({ req, env }) => answerHealth(env, req.query("live") !== undefined));
  app.get("/audit", ({ req, env }) => answerAudit(req.raw, env));
  app.get("/operations/:id", ({ req, env }) => readOperation(req.raw, env, req.param("id")));
  for (const [path, allow] of Object.entries(ownPaths)) {
    const detail = `Cannot use this method here: use ${allow}`;
    app.all(path, () => new Problem(405, detail, {}, { allow }).toResponse());
  }
  app.all("*", ({ req, env }) => answerGateway(req.raw, env));
  app.onError((error, { env }) => toProblem(error, env.line).toResponse());
  return app;
}

/**
 * Checks all variables of a service, without a request.
 *
 * @throws {ArgumentError} A variable is invalid. Its message names it, and says what to do.
 */
export function checkService(options: ServiceOptions): void {
  checkConfig(stateOf(options));
}

function stateOf(options: ServiceOptions): State {
  const { environment, client, storage, operations, requests, signal } = options;
  return {
    config: readConfig(environment, client),
    storage,
    operations,
    requests,
    signal,
    running: new Set(),
    underWay: new Map(),
  };
}
