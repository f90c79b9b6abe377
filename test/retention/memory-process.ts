/**
 * A process that runs a retention policy over 50,000 batches, of which 40,000 are due, and prints what
 * became of it. The API is played here: a page and a receipt are made when they are asked for.
 *
 * @module
 */
import { runRetention } from "../../src/retention/mod.ts";

const day = 86_400_000;
const count = 50_000;
const due = 40_000;

/** A batch with all members that the API gives. The first are the newest. */
function batchOf(number: number): object {
  const age = number < count - due ? 5 : 40;
  const time = (days: number) => new Date(Date.now() - days * day - number).toISOString();
  return {
    id: idOf(number),
    type: "message_batch",
    processing_status: "ended",
    request_counts: { processing: 0, succeeded: 1_000, errored: 0, canceled: 0, expired: 0 },
    created_at: time(age),
    ended_at: time(age - 0.5),
    expires_at: time(age - 1),
    archived_at: null,
    cancel_initiated_at: null,
    results_url: `https://api.anthropic.com/v1/messages/batches/${idOf(number)}/results`,
  };
}

const idOf = (number: number) => `msgbatch_${String(number).padStart(24, "0")}`;

const run = await runRetention({
  apiKey: "sk-ant-api03-memory",
  fetch(url, { method }) {
    const { pathname, searchParams } = new URL(url);
    const id = pathname.split("/").at(-1);
    if (method === "DELETE") {
      return Promise.resolve(Response.json({ id, type: "message_batch_deleted" }));
    }
    const first = Number(searchParams.get("after_id")?.slice(-24) ?? -1) + 1;
    const data = Array.from({ length: 1_000 }, (_, index) => batchOf(first + index));
    const [first_id, last_id] = [idOf(first), idOf(first + 999)];
    return Promise.resolve(
      Response.json({ data, has_more: first + 1_000 < count, first_id, last_id }),
    );
  },
}, {
  version: 1,
  rules: [{ type: "delete_after", days: 30, since: "ended" }, { type: "keep_last", count: 100 }],
  holds: [],
}, { requests: 1_050 });
console.log(JSON.stringify(run));
