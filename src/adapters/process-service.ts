import { createJsonlAuditTrail } from "../audit/jsonl.ts";
import { type Environment, serviceOptionsFrom } from "../service/environment.ts";
import { createMemoryStateStore } from "../service/memory-state-store.ts";
import { createService, type Service } from "../service/service.ts";
import { openAppendFile } from "./append-file.ts";

/** The service of a process, and when and where it runs. */
export interface ProcessService {
  readonly service: Service;
  readonly hostname: string;
  readonly port: number;
  /** When retention runs, as a cron expression in UTC; undefined: there is no policy. */
  readonly schedule: string | undefined;
}

/**
 * The service that the environment of a process describes. Its state is in memory, its audit trail in
 * `AUDIT_FILE`. Nobody limits how many requests a process makes, so a run may be long.
 */
export async function createProcessService(environment: Environment): Promise<ProcessService> {
  const read = (name: string) => environment(name)?.trim() || undefined;
  const options = serviceOptionsFrom(environment);
  const auditFile = read("AUDIT_FILE");
  const auditTrail = auditFile === undefined
    ? undefined
    : createJsonlAuditTrail(await openAppendFile(auditFile));
  const port = Number(read("PORT") ?? 8787);
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RangeError("Cannot use PORT: it is not a whole number from 0 to 65535");
  }
  return {
    service: createService({
      ...options,
      client: { ...options.client, auditTrail },
      retention: { ...options.retention, requests: options.retention?.requests ?? 10_000 },
      stateStore: createMemoryStateStore(),
      onError: (error) => console.error(error),
    }),
    hostname: read("HOST") ?? "127.0.0.1",
    port,
    schedule: options.retention?.policy === undefined
      ? undefined
      : read("RETENTION_SCHEDULE") ?? "17 3 * * *",
  };
}
