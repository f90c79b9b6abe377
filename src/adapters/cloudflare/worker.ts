/// <reference path="./workers.d.ts" />
/**
 * The service as a Cloudflare Worker, with a Workflow for what outlives a request.
 *
 * @module
 */
import { WorkflowEntrypoint } from "cloudflare:workers";
import { createService, createStorage, type Service, type Steps } from "../../service/mod.ts";
import { createD1Database } from "./d1.ts";
import { createWorkflowOperations } from "./operations.ts";

/** The services by their environment. A changed variable or secret is another environment. */
const services = new WeakMap<Env, Service>();

function serviceOf(env: Env): Service {
  const known = services.get(env);
  if (known !== undefined) return known;
  // A deployment may have taken out either.
  const { DB: db, OPERATIONS: workflow }: Partial<Env> = env;
  const service = createService({
    environment: { ...env },
    storage: db && createStorage(createD1Database(db)),
    operations: workflow && createWorkflowOperations(workflow),
    requests: 1_000, // with the writes of the audit trail at most 3,000, of the 10,000 that are allowed
    runTime: 600_000, // Cloudflare ends a run after 15 minutes
    log: (record) => console.log(JSON.stringify(record)),
  });
  services.set(env, service);
  return service;
}

/** The part of a Worker's context that this file uses. */
interface EventContext {
  waitUntil(promise: Promise<unknown>): void;
}

export default {
  /** Answers a request. If the caller hangs up, the deletion and its entries come to their end. */
  fetch(request: Request, env: Env, context: EventContext): Promise<Response> {
    const response = serviceOf(env).fetch(request);
    context.waitUntil(response);
    return response;
  },
  /** Runs the retention policy. It rejects if the run failed. */
  scheduled(_controller: unknown, env: Env): Promise<void> {
    return serviceOf(env).scheduled();
  },
};

/** Runs one operation. Its pauses cost nothing, and it survives every restart. */
export class DeletionWorkflow extends WorkflowEntrypoint<Env> {
  run(
    { instanceId }: { readonly instanceId: string; readonly payload: unknown },
    step: Steps,
  ): Promise<void> {
    return serviceOf(this.env).operate(instanceId, step);
  }
}
