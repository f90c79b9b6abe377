import { serviceOptionsFrom } from "../../service/environment.ts";
import { environmentOf } from "../../service/environment-of.ts";
import { createService, type Service } from "../../service/mod.ts";
import { createD1AuditTrail, createD1StateStore } from "./d1.ts";

let service: Service | undefined;

/** The service that the Worker's variables, secrets and bindings describe. */
function serviceOf(env: Env): Service {
  const options = serviceOptionsFrom(environmentOf({ ...env }));
  const onError = (error: unknown) => console.error(error);
  const db: D1Database | undefined = env.DB; // a deployment may have taken it out
  if (db === undefined) return createService({ ...options, onError });
  return createService({
    ...options,
    client: { ...options.client, auditTrail: createD1AuditTrail(db) },
    // An entry of the trail is a request, too, and Cloudflare counts all of an invocation.
    retention: { ...options.retention, costOfDeletion: 3 },
    stateStore: createD1StateStore(db),
    onError,
  });
}

export default {
  /** Answers a request. */
  fetch(request: Request, env: Env): Promise<Response> {
    service ??= serviceOf(env);
    return service.fetch(request);
  },
  /** Runs the retention policy. */
  scheduled(_controller: unknown, env: Env): Promise<void> {
    service ??= serviceOf(env);
    return service.scheduled();
  },
};
