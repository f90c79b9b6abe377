/**
 * What the service stores: the audit trail, the results of retention runs, operations, and holds. One
 * SQL schema and its queries, for Cloudflare D1 and for SQLite.
 *
 * @module
 */
import { checkOptions } from "../core/check.ts";
import { type Clock, isClock, systemClock } from "../core/client.ts";
import { type AuditEntry, type AuditTrail, openAfterMs } from "../core/audit.ts";
import type { Deletion } from "../core/delete.ts";
import type { Canceled } from "../core/errors.ts";
import type { RetentionRun } from "../retention/mod.ts";
import { migrations } from "./migrations.ts";

export { migrations };

/** A SQL statement with its values for `?1`, `?2` and so on. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number | null)[];
}

/** The rows that a statement gave. */
export type Rows = readonly Readonly<Record<string, unknown>>[];

/** A SQLite database, in this process or elsewhere. */
export interface Database {
  /** Runs statements in order, all of them or none, and gives the rows of each. */
  run(statements: readonly Statement[]): Promise<readonly Rows[]>;
  /** Rejects if nothing can be written, though it can be read, as with a file that was removed. */
  checkWritable?(): Promise<void>;
}

/** The database cannot be used, now or at all. Nothing that needs it may go on. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code = "ERR_STORAGE";
}

/** A retention run. */
export interface StoredRun {
  readonly id: string;
  /** When it began, as an RFC 3339 date-time. */
  readonly startedAt: string;
  /** What became of it; absent while it runs, and if it was killed. */
  readonly run?: RetentionRun | undefined;
}

/** The runs that tell how retention goes, each absent if there is none. */
export interface NotableRuns {
  readonly first?: StoredRun | undefined;
  readonly last?: StoredRun | undefined;
  readonly lastEnded?: StoredRun | undefined;
  /** The last that ended without an error, and left nothing that was due. */
  readonly lastGood?: StoredRun | undefined;
}

/** A deletion that outlives the request that asked for it: cancel, wait, delete. */
export interface Operation extends Partial<Omit<Deletion, "id" | "type">> {
  /** ID of its batch. */
  readonly id: string;
  /** When it began, as an RFC 3339 date-time. */
  readonly startedAt: string;
  /** When it ended; absent while it goes on, and if it was cut off. */
  readonly endedAt?: string | undefined;
  /** ID of the webhook that asked for it. */
  readonly webhookId?: string | undefined;
  /** How many times it has looked whether the batch has ended. */
  readonly looks: number;
  /** Whether it canceled the batch. */
  readonly canceled?: Canceled | undefined;
  /** Why it failed. If `outcomeKnown` is false, the batch may have been deleted. */
  readonly error?:
    | { readonly code: string; readonly message: string; readonly outcomeKnown?: boolean }
    | undefined;
}

/** Which entries of the audit trail to read. */
export interface EntriesOptions {
  /** Of one object. */
  readonly objectId?: string | undefined;
  /** From this RFC 3339 date-time on, in UTC. */
  readonly since?: string | undefined;
  /** Before this RFC 3339 date-time, in UTC. */
  readonly until?: string | undefined;
}

/** What the service stores. Everything rejects with a {@link StorageError} if the database fails. */
export interface Storage {
  /**
   * Records deletions. Entries that arrive together are written together; those of another reading of
   * this property are not, since Cloudflare may cancel its request.
   */
  readonly auditTrail: AuditTrail;
  /**
   * Adds an intent, unless its actor has begun `most` deletions since an RFC 3339 date-time.
   *
   * @returns If it was not added: when the first of the last `most` deletions was begun.
   */
  appendWithin(entry: AuditEntry, most: number, since: string): Promise<string | undefined>;
  /** Reads the audit trail, in order. */
  entries(options?: EntriesOptions): AsyncGenerator<AuditEntry, void, undefined>;
  /** Reads the audit trail as JSON lines, some at a time: the same text each time, and then what is new. */
  lines(options?: EntriesOptions): AsyncGenerator<string, void, undefined>;
  /** The intents that are open at a time, in the order in which they were written, 1,000 at most. */
  openIntents(now: number): Promise<readonly AuditEntry[]>;
  /** Stores a run when it begins, and again when it has ended. */
  addRun(run: StoredRun): Promise<void>;
  runs(): Promise<NotableRuns>;
  /**
   * Stores an operation when it begins, goes on or ends. It does not replace another operation with the
   * same batch that has not ended.
   */
  saveOperation(operation: Operation): Promise<void>;
  operation(id: string): Promise<Operation | undefined>;
  /** The ids of the operations that have not ended, the oldest first. */
  openOperations(): Promise<readonly string[]>;
  /** The ids of all batches that are held. */
  holds(): Promise<readonly string[]>;
  isHeld(id: string): Promise<boolean>;
  /** Checks that the tables and triggers are there, and that something can be written. */
  check(): Promise<void>;
}

/**
 * Makes the storage of a service.
 *
 * @param database A database with the tables of `migrations`. Tables that are gone are not made again.
 * @param options The clock that waits.
 */
export function createStorage(
  database: Database,
  options: { readonly clock?: Clock | undefined } = {},
): Storage {
  const { clock = systemClock } = checkOptions(options, { clock: isClock });
  /** Tries again whatever failed: each statement here can be repeated. */
  const run = async (statements: readonly Statement[]): Promise<readonly Rows[]> => {
    for (const pause of [100, 400, 1_600]) {
      try {
        return await database.run(statements);
      } catch {
        await clock.sleep(pause);
      }
    }
    return await database.run(statements).catch(refuse);
  };
  const select = async (sql: string, ...values: Statement["values"]): Promise<Rows> => {
    const [rows = []] = await run([{ sql, values }]);
    return rows;
  };
  const pages = async function* ({ objectId, since, until }: EntriesOptions = {}) {
    const sql = `SELECT seq, entry FROM audit_entries WHERE seq > ?1
      AND (?2 IS NULL OR object_id = ?2) AND (?3 IS NULL OR time >= ?3)
      AND (?4 IS NULL OR time < ?4) ORDER BY seq LIMIT 500`;
    const values = [objectId ?? null, since ?? null, until ?? null];
    for (let last = 0;;) {
      const rows = await select(sql, last, ...values);
      if (rows.length === 0) return;
      yield rows;
      last = Number(rows.at(-1)?.["seq"]);
    }
  };

  return {
    get auditTrail() {
      return createAuditTrail(run, clock);
    },

    async *entries(options) {
      for await (const rows of pages(options)) yield* rows.map(entryOf);
    },

    async *lines(options) {
      for await (const rows of pages(options)) {
        yield rows.map(({ entry }) => `${entry}\n`).join("");
      }
    },

    async appendWithin(entry, most, since) {
      const insert = insertOf(entry);
      const values = [...insert.values, since, entry.actor ?? null, most];
      const begun = `FROM audit_entries WHERE phase = 'intent' AND id <> ?1 AND time >= ?7
        AND entry ->> 'operation' = 'delete' AND entry ->> 'actor' IS ?8`;
      const [, [full] = []] = await run([
        { sql: `${insert.sql} WHERE (SELECT count(*) ${begun}) < ?9`, values },
        { sql: `SELECT time ${begun} ORDER BY time DESC LIMIT 1 OFFSET ?9 - 1`, values },
      ]);
      return full && String(full["time"]);
    },

    async openIntents(now) {
      const rows = await select(
        `SELECT entry FROM open_intents JOIN audit_entries USING (id)
         WHERE open_intents.time NOT BETWEEN ?1 AND ?2 ORDER BY seq LIMIT 1000`,
        new Date(now - openAfterMs).toISOString(),
        new Date(now + openAfterMs).toISOString(),
      );
      return rows.map(entryOf);
    },

    async addRun({ id, startedAt, run }) {
      const good = run !== undefined && run.error === undefined && !run.hasMore;
      await select(
        `INSERT INTO runs (id, started_at, run, good) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET run = excluded.run, good = excluded.good`,
        id,
        startedAt,
        run === undefined ? null : JSON.stringify(run),
        Number(good),
      );
    },

    async runs() {
      const one = (rest: string) => ({ sql: `SELECT * FROM runs ${rest} LIMIT 1`, values: [] });
      const found = await run([
        one("ORDER BY seq"),
        one("ORDER BY seq DESC"),
        one("WHERE run IS NOT NULL ORDER BY seq DESC"),
        one("WHERE good = 1 ORDER BY seq DESC"),
      ]);
      const [first, last, lastEnded, lastGood] = found.map(([row]) => row && runOf(row));
      return { first, last, lastEnded, lastGood };
    },

    async saveOperation(operation) {
      const { id, startedAt, endedAt } = operation;
      await select(
        `INSERT INTO operations (id, started_at, ended_at, operation) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at,
           ended_at = excluded.ended_at, operation = excluded.operation
         WHERE started_at = excluded.started_at OR ended_at IS NOT NULL`,
        id,
        startedAt,
        endedAt ?? null,
        JSON.stringify(operation),
      );
    },

    async operation(id) {
      const [row] = await select("SELECT operation FROM operations WHERE id = ?1", id);
      return row && JSON.parse(String(row["operation"]));
    },

    async openOperations() {
      const sql = "SELECT id FROM operations WHERE ended_at IS NULL ORDER BY started_at, id";
      return (await select(sql)).map(({ id }) => String(id));
    },

    async holds() {
      return (await select("SELECT id FROM holds")).map(({ id }) => String(id));
    },

    async isHeld(id) {
      return (await select("SELECT 1 FROM holds WHERE id = ?1", id)).length > 0;
    },

    async check() {
      const found = (await select("SELECT name FROM sqlite_master")).map(({ name }) => name);
      const schema = migrations.map(({ sql }) => sql).join("");
      for (const [, name] of schema.matchAll(/^CREATE (?:TABLE|INDEX|TRIGGER) (\w+)/gm)) {
        if (!found.includes(name)) refuse(new Error(`it has no ${name}`));
      }
      await database.checkWritable?.().catch(refuse);
    },
  };
}

function refuse(cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new StorageError(`Cannot use the database: ${why}`, { cause });
}

function entryOf({ entry }: Rows[number]): AuditEntry {
  return JSON.parse(String(entry));
}

function runOf({ id, started_at: startedAt, run }: Rows[number]): StoredRun {
  return {
    id: String(id),
    startedAt: String(startedAt),
    ...(run === null ? {} : { run: JSON.parse(String(run)) }),
  };
}

/**
 * The audit trail. No entry waits for the write of another: on Cloudflare, that may never end. An outcome
 * waits a little for those of the other intents, since Cloudflare's free plan allows few writes.
 */
function createAuditTrail(
  run: (statements: readonly Statement[]) => Promise<unknown>,
  clock: Clock,
): AuditTrail {
  const waiting: ({ readonly entry: AuditEntry } & PromiseWithResolvers<void>)[] = [];
  const open = new Set<string>();
  const write = () => {
    const together = waiting.splice(0, 100);
    run(together.map(({ entry }) => insertOf(entry))).then(
      () => together.forEach(({ resolve }) => resolve()),
      (error) =>
        together.forEach(({ entry, reject }) => {
          open.delete(entry.id); // an intent that was not written has no outcome
          reject(error);
        }),
    );
  };
  return {
    async append(entry) {
      const written = Promise.withResolvers<void>();
      const own = { entry, ...written };
      waiting.push(own);
      if (entry.phase === "intent") open.add(entry.id);
      else open.delete(String(entry.intent));
      const isAlone = entry.phase === "intent" || open.size === 0;
      const pause = isAlone ? 0 : 1_000; // 0: for entries that come in the same turn
      const flush = () => waiting.includes(own) && write();
      clock.sleep(pause).then(flush, flush);
      await written.promise;
    },
  };
}

function insertOf(entry: AuditEntry): Statement {
  const { id, time, phase, objectId, intent } = entry;
  return {
    sql: `INSERT INTO audit_entries (id, time, phase, object_id, intent, entry)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6`,
    values: [id, time, phase, objectId, intent ?? null, JSON.stringify(entry)],
  };
}
