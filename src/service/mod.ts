import { BatchsweepError } from "../core/errors.ts";
import { Hono } from "./deps.ts";
import { answerGateway } from "./gateway.ts";
import { answerHealth } from "./health.ts";
import type { ServiceOptions } from "./options.ts";
import { Problem, problemOf } from "./problem.ts";
import { report } from "./report.ts";
import { runSchedule } from "./run-schedule.ts";
import { receiveWebhook } from "./webhook.ts";

export { serviceOptionsFrom } from "./environment.ts";
export { createMemoryStateStore } from "./memory-state-store.ts";
export type { StateStore, StoredState } from "./retention-status.ts";
export type { GatewayToken } from "./options.ts";
export type { RetentionOptions } from "./retention-options.ts";
export type { ServiceOptions };

/** The service: what it does about each kind of event, the same on every runtime. */
export interface Service {
  /**
   * Answers a request. It never rejects. It takes no further arguments, such as the server that
   * `Bun.serve` passes.
   */
  fetch(request: Request): Promise<Response>;
  /**
   * Runs the retention policy once, where there is one. It never rejects.
   *
   * @param event What the runtime gives; nothing of it is looked at.
   */
  scheduled(event?: unknown): Promise<void>;
}

/**
 * Makes the service that deletes on behalf of others.
 *
 * @param options What it works with.
 * @returns Its handlers. What goes wrong with a request is an RFC 9457 problem, and on the gateway an
 *   error in the API's shape; `/healthz` says what went wrong with a schedule.
 */
export function createService(options: ServiceOptions): Service {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
    context.header("x-content-type-options", "nosniff");
  });

  app.post("/webhook", async ({ req }) => Response.json(await receiveWebhook(req.raw, options)));
  app.all("/webhook", () => notAllowed("POST"));

  app.get("/healthz", () => answerHealth(options));
  app.all("/healthz", () => notAllowed("GET, HEAD"));

  // Whatever is left is the gateway's: its one route, or a 404 that an official SDK understands.
  app.all("*", ({ req }) => answerGateway(req.raw, options));

  app.onError((error) => {
    if (error instanceof Problem) return error.toResponse();
    if (error instanceof BatchsweepError) {
      report(options, error.auditError);
      return problemOf(error).toResponse();
    }
    report(options, error);
    return new Problem(500, "Cannot answer: an unexpected error occurred").toResponse();
  });
  return {
    fetch: async (request) => await app.fetch(request),
    scheduled: () => runSchedule(options),
  };
}

function notAllowed(allow: string): Response {
  return new Problem(405, `Cannot use this method here: use ${allow}`, {}, { allow }).toResponse();
}
