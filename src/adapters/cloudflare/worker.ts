/// <reference path="./workers.d.ts" />
/**
 * The service as a Cloudflare Worker, with a Workflow for what outlives a request.
 *
 * @module
 */
import { WorkflowEntrypoint } from "cloudflare:workers";
import {
  createService,
  createStorage,
  type Operations,
  type Service,
  type Steps,
} from "../../service/mod.ts";
import { createD1Database } from "./d1.ts";

declare global {
  /** The part of the binding of a Workflow that this file uses. */
  interface Workflow<_Params = unknown> {
    /** Rejects if there is an instance with this id. */
    create(options: { readonly id: string }): Promise<unknown>;
    /** Rejects if there is none. */
    get(id: string): Promise<{
      status(): Promise<{ readonly status: string }>;
      restart(): Promise<void>;
    }>;
  }
}

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

export default {
  /** Answers a request. If the caller hangs up, the deletion and its entries are finished. */
  fetch(
    request: Request,
    env: Env,
    context: { waitUntil(promise: Promise<unknown>): void },
  ): Promise<Response> {
    const response = serviceOf(env).fetch(request);
    context.waitUntil(response);
    return response;
  },
  /** Runs the retention policy. It rejects if the run failed. */
  scheduled(_controller: unknown, env: Env): Promise<void> {
    return serviceOf(env).scheduled();
  },
};

/** Runs operations as instances of a Workflow, each with the id of its operation. */
function createWorkflowOperations(workflow: Workflow): Operations {
  const find = async (id: string) => {
    const instance = await workflow.get(id).catch((error) => {
      if (!String(error).includes("instance.not_found")) throw error;
    });
    const { status = "terminated" } = await instance?.status() ?? {};
    return { instance, goesOn: !["complete", "errored", "terminated"].includes(status) };
  };
  return {
    async start(id) {
      try {
        await workflow.create({ id });
      } catch (error) {
        const { instance, goesOn } = await find(id);
        if (instance === undefined) throw error;
        if (!goesOn) await instance.restart();
      }
    },
    isRunning: async (id) => (await find(id)).goesOn,
  };
}

/** Runs one operation. Its pauses cost nothing, and it survives every restart. */
export class DeletionWorkflow extends WorkflowEntrypoint<Env> {
  run(
    { instanceId }: { readonly instanceId: string; readonly payload: unknown },
    step: Steps,
  ): Promise<void> {
    return serviceOf(this.env).operate(instanceId, step);
  }
}
