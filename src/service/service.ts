import { BatchsweepError } from "../core/errors.ts";
import { clientOf, tokensOf, verifiersOf } from "./configuration.ts";
import { Hono } from "./deps.ts";
import { answerGateway } from "./gateway.ts";
import type { ServiceOptions } from "./options.ts";
import { Problem, problemOf } from "./problem.ts";
import { report } from "./report.ts";
import { receiveWebhook } from "./webhook.ts";

export { serviceOptionsFrom } from "./environment.ts";
export type { ServiceOptions };

/** The service: a request handler, the same on every runtime. */
export interface Service {
  fetch(request: Request): Promise<Response>;
}

/**
 * Makes the service that deletes on behalf of others.
 *
 * @param options What it works with.
 * @returns Its request handler. It never rejects: what goes wrong is an RFC 9457 problem, and on the
 *   gateway an error in the API's shape.
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

  app.get("/healthz", () => {
    // One of the two ways in is enough.
    if (options.gatewayTokens !== undefined) tokensOf(options);
    if (options.gatewayTokens === undefined || options.webhookSecrets?.length) verifiersOf(options);
    clientOf(options);
    return Response.json({ status: "ok" });
  });
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
  return { fetch: async (request) => await app.fetch(request) };
}

function notAllowed(allow: string): Response {
  return new Problem(405, `Cannot use this method here: use ${allow}`, {}, { allow }).toResponse();
}
