/**
 * The service as a Cloudflare Worker.
 *
 * @module
 */
import { createService, createStorage, type Service } from "../../service/mod.ts";
import { createD1Database } from "./d1.ts";

/** The services by their environment. A changed variable or secret is another environment. */
const services = new WeakMap<Env, Service>();

function serviceOf(env: Env): Service {
  const known = services.get(env);
  if (known !== undefined) return known;
  const db: D1Database | undefined = env.DB; // a deployment may have taken it out
  const service = createService({
    environment: { ...env },
    storage: db && createStorage(createD1Database(db)),
    costOfDeletion: 3, // Cloudflare counts the two writes of the audit trail, too
    onError: (error) => console.error(error),
  });
  services.set(env, service);
  return service;
}

export default {
  /** Answers a request. */
  fetch(request: Request, env: Env): Promise<Response> {
    return serviceOf(env).fetch(request);
  },
  /** Runs the retention policy. */
  scheduled(_controller: unknown, env: Env): Promise<void> {
    return serviceOf(env).scheduled();
  },
};
