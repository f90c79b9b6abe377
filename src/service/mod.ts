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
} from "../core/check.ts";
import type { Client } from "../core/client.ts";
import type { Storage } from "../storage/mod.ts";
import type { Context } from "./deletion.ts";
import { bodyLimit, Hono, methodNotAllowed } from "./deps.ts";
import { answerGateway } from "./gateway.ts";
import { Problem, toProblem } from "./problem.ts";
import { answerHealth, checkConfig, runSchedule } from "./retention.ts";
import { bodyTooLarge, maxBodyBytes, receiveWebhook } from "./webhook.ts";

export type { Environment, GatewayToken } from "../config/mod.ts";
export { createStorage, type Database, migrations, type Storage } from "../storage/mod.ts";

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
   * How many requests a retention run may make, if `RETENTION_REQUESTS` does not say.
   *
   * @default 40
   */
  readonly requests?: number | undefined;
  /**
   * What one deletion of a run costs of them, where the platform counts the writes of the audit trail.
   *
   * @default 1
   */
  readonly costOfDeletion?: number | undefined;
  /**
   * Gets every error that a caller may not see.
   *
   * @default none: such errors leave no trace but the answer
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The service: what it does about each kind of event, the same on every runtime. */
export interface Service {
  /**
   * Answers a request. It never rejects. It takes no further arguments, such as the server that
   * `Bun.serve` passes.
   */
  fetch(request: Request): Promise<Response>;
  /**
   * Runs the retention policy once, if there is one. It never rejects.
   *
   * @param event What the runtime gives; it is ignored.
   */
  scheduled(event?: unknown): Promise<void>;
}

const isObject = (value: unknown, name: string) => {
  if (typeof value === "object" && value !== null) return value as Environment;
  throw cannotUse(name, "it is not an object");
};

const serviceChecks: Checks<ServiceOptions> = {
  environment: isObject,
  client: isObject,
  storage: hasMethods<Storage>("a Storage", "isHeld", "check"),
  requests: isNumber(1, 1e9, { whole: true }),
  costOfDeletion: isNumber(1, 100, { whole: true }),
  onError: isFunction,
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
  const context = contextOf({ environment, ...checked });
  const app = new Hono();
  app.use(async ({ header }, next) => {
    await next();
    header("cache-control", "no-store");
    header("x-content-type-options", "nosniff");
  });
  app.use(methodNotAllowed({
    app,
    onMethodNotAllowed: (_, methods) => {
      const allow = methods.join(", ");
      const detail = `Cannot use this method here: use ${allow}`;
      return new Problem(405, detail, {}, { allow }).toResponse();
    },
  }));

  app.post(
    "/webhook",
    bodyLimit({ maxSize: maxBodyBytes, onError: bodyTooLarge }),
    async ({ req }) => Response.json(await receiveWebhook(req.raw, context)),
  );
  app.get("/healthz", () => answerHealth(context));
  // The rest is the gateway's: its one route, or a 404 that an official SDK understands.
  app.all("*", ({ req }) => answerGateway(req.raw, context));

  app.onError((error) => toProblem(error, context.report).toResponse());
  return {
    fetch: async (request) => await app.fetch(request),
    scheduled: () => runSchedule(context),
  };
}

/**
 * Checks all variables of a service, without a request.
 *
 * @throws {ArgumentError} A variable is invalid. Its message names it, and says what to do.
 */
export function checkService(options: ServiceOptions): void {
  checkConfig(contextOf(options));
}

function contextOf(options: ServiceOptions): Context {
  const { environment, client, storage, requests = 40, costOfDeletion = 1, onError } = options;
  return {
    config: readConfig(environment, client),
    storage,
    requests,
    costOfDeletion,
    running: new Set(),
    report(error) {
      if (error === undefined) return;
      try {
        onError?.(error);
      } catch {
        // It must not change an answer.
      }
    },
  };
}
