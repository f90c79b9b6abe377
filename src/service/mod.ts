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
import type { Steps } from "../purge/wait.ts";
import type { Storage } from "../storage/mod.ts";
import { answerAudit } from "./audit.ts";
import { type Context, type ServiceOptions, type State, work } from "./context.ts";
import { Hono } from "./deps.ts";
import { answerGateway } from "./gateway.ts";
import { operate, type Operations, readOperation, takeUpOperations } from "./operations.ts";
import { Problem, toProblem } from "./problem.ts";
import { answerHealth, checkConfig, runRetentionOnce } from "./retention.ts";
import { receiveWebhook } from "./webhook.ts";

export type { Environment, GatewayToken, Scope } from "../config/mod.ts";
export type { StepConfig, Steps } from "../purge/wait.ts";
export type { LogRecord, ServiceOptions } from "./context.ts";
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

/** The service: what it does about each kind of event, the same on every runtime. */
export interface Service {
  /** Answers a request. It never rejects, and ignores what a server such as `Bun.serve` passes, too. */
  fetch(request: Request): Promise<Response>;
  /**
   * Runs the retention policy once, if there is one. It takes up operations that were cut off.
   *
   * @param event What the runtime gives; it is ignored.
   * @throws {Error} The run failed. The log and `/healthz` say why.
   */
  scheduled(event?: unknown): Promise<void>;
  /**
   * For the start of a process: settles the deletions that an earlier one left without an outcome, if
   * they are older than a call can last (15 minutes), and takes up the operations that are open.
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
  const state = stateOf(options);
  const app = createApp();
  const run = (byPolicy: boolean) =>
    work("run", state, (context) => {
      return takeUpOperations(context).finally(() => runRetentionOnce(context, byPolicy));
    });
  return {
    fetch: (request) => work("request", state, (context) => answer(app, request, context)),
    scheduled: () => run(true),
    settle: () => run(false),
    operate: (id, steps) => work("operation", state, (context) => operate(context, id, steps)),
  };
}

/** Checks all variables of a service, without a request. An error names the variable. */
export function checkService(options: ServiceOptions): void {
  checkConfig(stateOf(options));
}

function stateOf(options: ServiceOptions): State {
  const { environment, ...checked } = checkOptions(options, serviceChecks);
  if (environment === undefined) throw cannotUse("environment", "there is none");
  const config = readConfig(environment, checked.client);
  return { ...checked, environment, config, running: new Set(), underWay: new Map() };
}

type App = Hono<{ Bindings: Context }>;

/** The service's own paths: the methods that they take, and what answers. All others are the gateway's. */
const ownRoutes: Readonly<
  Record<
    string,
    readonly [allow: string, answer: (request: Request, context: Context) => Promise<Response>]
  >
> = {
  "/webhook": ["POST", receiveWebhook],
  "/healthz": ["GET, HEAD", answerHealth],
  "/audit": ["GET, HEAD", answerAudit],
  "/operations/:id": ["GET, HEAD", readOperation],
};

const pathOf = ({ url }: Request) => new URL(url).pathname;

function createApp(): App {
  const app: App = new Hono({ getPath: pathOf }); // its own decodes: `/%61udit` would be `/audit`
  for (const [path, [allow, answer]] of Object.entries(ownRoutes)) {
    app.on(allow.split(", "), path, ({ req, env }) => answer(req.raw, env));
    const detail = `Cannot use this method here: use ${allow}`;
    app.all(path, () => new Problem(405, detail, {}, { allow }).toResponse());
  }
  app.all("*", ({ req, env }) => answerGateway(req.raw, env));
  app.onError((error, { env }) => toProblem(error, env.line).toResponse());
  return app;
}

async function answer(app: App, request: Request, context: Context): Promise<Response> {
  const { method, headers, url } = request;
  const path = URL.canParse(url) ? pathOf(request) : "";
  const own = path.replace(/^\/operations\/[^/]+$/, "/operations/:id");
  const route = Object.hasOwn(ownRoutes, own) ? own : "gateway";
  let response: Response;
  if (context.state.signal?.aborted) {
    const later = { "retry-after": "5" };
    response = new Problem(503, "Cannot answer: the service stops", {}, later).toResponse();
  } else if (path === "" || !/^[\w.:[\]-]*$/.test(headers.get("host") ?? "")) {
    // A runtime makes the URL of it: with more in it than a host, it would change the path.
    response = new Problem(400, "Cannot answer: the Host header is not a host").toResponse();
  } else response = await app.fetch(request, context);
  response.headers.set("cache-control", "no-store");
  response.headers.set("x-content-type-options", "nosniff");
  Object.assign(context.line, { method, route, status: response.status });
  return response;
}
