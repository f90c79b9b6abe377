/**
 * `GET /audit`: the audit trail as JSON lines, for a token with the scope `audit:read`. If the database
 * fails in the middle, the connection breaks, so that a part is never taken for the whole.
 *
 * @module
 */
import { parseTimestamp } from "../purge/time.ts";
import type { EntriesOptions } from "../storage/mod.ts";
import { type Context, whileServed } from "./context.ts";
import { authorize } from "./gateway.ts";
import { Problem } from "./problem.ts";

/**
 * Answers with the entries in order, read while they are sent. Without a filter, they are the same bytes
 * each time, and then what is new.
 */
export async function answerAudit(request: Request, context: Context): Promise<Response> {
  await authorize(request, context, "audit:read");
  const options = readQuery(new URL(request.url).searchParams);
  const { config, storage } = context.state;
  if (storage === undefined || !config.audit()) {
    throw new Problem(503, "Cannot read the audit trail: there is no database with one");
  }
  const lines = storage.lines(options);
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<string, void>> | undefined = lines.next();
  await next; // an error of the database here is an answer
  const headers = { "content-type": "application/x-ndjson" };
  if (request.method === "HEAD") return new Response(null, { headers });
  const source = {
    async read() {
      const { done, value } = await (next ?? lines.next());
      next = undefined;
      return done ? { done } : { done: false, value: encoder.encode(value) };
    },
    cancel: async () => void await lines.return(),
  };
  return new Response(whileServed(source, context), { headers });
}

/** Reads the parameters. The times become those of the entries, which are in UTC. */
function readQuery(params: URLSearchParams): EntriesOptions {
  const read: Record<string, string> = {};
  for (const [name, value] of params) {
    const cannotUse = (why: string) =>
      new Problem(400, `Cannot use ${JSON.stringify(name)}: ${why}`);
    if (!["id", "since", "until"].includes(name)) {
      throw cannotUse("only id, since and until are known");
    }
    if (name in read) throw cannotUse("it is given twice");
    if (value === "") throw cannotUse("it is empty");
    const time = name === "id" ? NaN : parseTimestamp(value);
    if (time === undefined) throw cannotUse("it is not an RFC 3339 date-time");
    read[name] = name === "id" ? value : new Date(time).toISOString();
  }
  return { objectId: read["id"], since: read["since"], until: read["until"] };
}
