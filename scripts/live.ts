/**
 * `npm run live`: asks the real API ten things that this project assumes. It creates a batch of one
 * request, cancels it, deletes it, and deletes it again. Without a key it sends nothing.
 *
 * @module
 */
import {
  BatchsweepError,
  cancelMessageBatch,
  type Client,
  deleteMessageBatch,
  waitUntilMessageBatchEnded,
} from "../mod.ts";
import { clientFrom } from "../src/config/mod.ts";
import { checkClient } from "../src/core/client.ts";

/** An answer of the API, as far as it is compared. */
interface Answer {
  readonly method: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly id?: string;
    readonly type?: string;
    readonly processing_status?: string;
    readonly request_id?: string;
    readonly error?: { readonly type?: string };
  };
}

/** A call, and what is documented and assumed of the first answer to its method. */
interface Step {
  readonly name: string;
  readonly method: "DELETE" | "GET" | "POST";
  readonly call: (client: Client, id: string) => Promise<unknown>;
  readonly documented?: string;
  readonly assumed?: string;
  readonly holds?: (answer: Answer, id: string) => boolean;
}

const steps: readonly Step[] = [
  {
    name: "Creating a batch of one request with max_tokens 1",
    method: "POST",
    call: createMessageBatch,
    documented: "200, in_progress",
    assumed: "the same",
    holds: ({ status, body }) => status === 200 && body.processing_status === "in_progress",
  },
  {
    name: "Deleting it while it is in progress",
    method: "DELETE",
    call: deleteMessageBatch,
    documented: "it must end first",
    assumed: "400, 409 or 422",
    holds: ({ status }) => [400, 409, 422].includes(status),
  },
  { name: "Canceling it", method: "POST", call: cancelMessageBatch },
  {
    name: "Canceling it again",
    method: "POST",
    call: cancelMessageBatch,
    documented: "nothing",
    assumed: "200, unchanged",
    holds: ({ status, body }) => status === 200 && body.processing_status === "canceling",
  },
  { name: "Looking at it until it has ended", method: "GET", call: waitUntilMessageBatchEnded },
  {
    name: "Canceling it after its end",
    method: "POST",
    call: cancelMessageBatch,
    documented: "nothing",
    assumed: "refused",
    holds: ({ status }) => status >= 400 && status < 500,
  },
  {
    name: "Deleting it",
    method: "DELETE",
    call: deleteMessageBatch,
    documented: "200, message_batch_deleted, the same id",
    assumed: "the same",
    holds: ({ status, body }, id) =>
      status === 200 && body.type === "message_batch_deleted" && body.id === id,
  },
  {
    name: "Deleting it again",
    method: "DELETE",
    call: deleteMessageBatch,
    documented: "404 of an unknown id is not_found_error",
    assumed: "the same, with a request id",
    holds: ({ status, headers, body }) =>
      status === 404 && body.error?.type === "not_found_error" &&
      (headers.has("request-id") || body.request_id !== undefined),
  },
];

/** A header of all answers, and what is documented and assumed of it. */
interface HeaderFact {
  readonly name: string;
  readonly documented: string;
  readonly assumed: string;
  /** What is assumed of each answer. */
  readonly holds: (value: string | null, answer: Answer, now: number) => boolean;
}

const headerFacts: readonly HeaderFact[] = [
  {
    name: "request-id",
    documented: "in every answer, and in the body of errors",
    assumed: "the same",
    holds: (value, { body }) => value !== null && (!body.error || body.request_id === value),
  },
  {
    name: "anthropic-workspace-id",
    documented: "in every answer",
    assumed: "the same",
    holds: (value) => value !== null,
  },
  {
    name: "anthropic-ratelimit-requests-remaining",
    documented: "nothing for batches",
    assumed: "used where it comes",
    holds: (value) => value === null || /^\d+$/.test(value),
  },
  {
    name: "date",
    documented: "nothing",
    assumed: "in every answer, within 5 minutes of this clock",
    holds: (value, _, now) => Math.abs(Date.parse(value ?? "") - now) <= 300_000,
  },
];

/**
 * Asks the API, and prints what it answers beside what is documented and assumed.
 *
 * @param env The environment, as the command reads it.
 * @param print Prints a line.
 * @param clock Tells the time, and waits.
 * @returns Whether everything is as it is assumed.
 */
export async function live(
  env: Readonly<Record<string, string | undefined>>,
  print: (line: string) => void,
  clock?: Client["clock"],
): Promise<boolean> {
  const settings = clientFrom((name) => env[name]);
  if (settings.apiKey === undefined && settings.authToken === undefined) {
    print("With ANTHROPIC_API_KEY set, this would ask the API, at the cost of one token at most:");
    for (const { name, method } of steps) print(`  ${method.padEnd(6)}  ${name}`);
    print("Nothing was sent");
    return true;
  }
  const answers: Answer[] = [];
  const client: Client = {
    ...settings,
    clock,
    async fetch(url, init) {
      const response = await fetch(url, init);
      const { status, headers } = response;
      const body = await response.clone().json().catch(() => ({}));
      answers.push({ method: String(init.method), status, headers, body });
      return response;
    },
  };
  let isAsAssumed = true;
  const tell = (holds: boolean, text: string, documented: string, assumed: string): void => {
    isAsAssumed &&= holds;
    print(`${holds ? "ok      " : "DIFFERS "}${text}`);
    print(`        documented: ${documented}; assumed: ${assumed}`);
  };

  let id = "";
  for (const { name, method, call, documented = "", assumed = "", holds } of steps) {
    const before = answers.length;
    const error: unknown = await call(client, id).then(() => undefined, (error) => error);
    const answer = answers.slice(before).find((one) => one.method === method);
    if (!answer || (error !== undefined && !(error instanceof BatchsweepError))) {
      if (id !== "") print(`The batch may be left. Run: npx batchsweep delete --cancel ${id}`);
      throw error;
    }
    const { status, body } = answer;
    id ||= body.id ?? "";
    const what = body.error?.type ?? body.processing_status ?? body.type;
    if (holds) tell(holds(answer, id), `${name}: ${status} ${what}`, documented, assumed);
    if (id === "") throw new Error("there is no batch");
  }
  const now = (clock ?? Date).now();
  for (const { name, documented, assumed, holds } of headerFacts) {
    const values = answers.map((answer) => answer.headers.get(name));
    const count = values.filter((value) => value !== null).length;
    const areGood = answers.every((answer, i) => holds(values[i] ?? null, answer, now));
    const last = values.findLast((value) => value !== null);
    const text = `${name}: in ${count} of ${answers.length} answers${last ? `, ${last}` : ""}`;
    tell(areGood, text, documented, assumed);
  }
  return isAsAssumed;
}

/** Creates a batch. The library has no call for that. */
async function createMessageBatch(client: Client): Promise<void> {
  const { baseUrl, headers, fetch } = checkClient(client);
  const { apiKey, authToken } = client;
  const messages = [{ role: "user", content: "Hi" }];
  const params = { model: "claude-haiku-4-5", max_tokens: 1, messages };
  await fetch(`${baseUrl}/v1/messages/batches`, {
    method: "POST",
    headers: {
      ...headers,
      "content-type": "application/json",
      ...apiKey ? { "x-api-key": String(apiKey) } : { authorization: `Bearer ${authToken}` },
    },
    body: JSON.stringify({ requests: [{ custom_id: "live", params }] }),
    redirect: "manual",
  });
}

if (import.meta.main) {
  try {
    process.exitCode = await live(process.env, console.log) ? 0 : 1;
  } catch (error) {
    console.log(`Cannot go on: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
