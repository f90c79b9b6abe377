/**
 * `npm start`: the main job, on real parts. A sandbox plays the API, the Worker runs in workerd, and
 * one signed webhook deletes a batch. Then both stay, to be tried, until Ctrl-C; with `--once` they
 * stop at once.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { serve } from "../src/adapters/serve.ts";
import { createSandbox } from "../src/sandbox/mod.ts";
import { Webhook } from "../src/service/deps.ts";
import { startWorker } from "./wrangler-dev.ts";

const { values: { once } } = parseArgs({ options: { once: { type: "boolean", default: false } } });

const apiKey = "sk-ant-api03-sandbox";
const key = crypto.getRandomValues(new Uint8Array(24));
const secret = `whsec_${Buffer.from(key).toString("base64")}`;

const sandbox = createSandbox({ apiKeys: [apiKey], processingTime: 86_400_000 });
const [first, ...others] = [1, 2, 3, 4].map(() => sandbox.seed({ processing_status: "ended" }).id);
const unended = ["in_progress", "canceling"].map((processing_status) =>
  sandbox.seed({ processing_status } as Parameters<typeof sandbox.seed>[0])
);

const interrupted = new Promise<void>((resolve) => {
  // Every time: a second Ctrl-C must not leave the Worker behind.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve());
});

console.error("Starting a sandbox and the Worker: this takes a moment");
const api = await serve(sandbox.fetch);
const worker = await startWorker({
  ANTHROPIC_API_KEY: apiKey,
  ANTHROPIC_BASE_URL: api.url,
  WEBHOOK_SECRETS: secret,
});
try {
  process.exitCode = await deleteByWebhook(first ?? "") ? 0 : 1;
  if (!once) {
    console.log(`\n${guide()}`);
    const output = await Promise.race([interrupted, worker.ended]);
    if (output !== undefined) throw new Error(`The Worker has ended by itself:\n${output}`);
  }
} finally {
  await worker.stop();
  await api.close();
}

/** Sends one signed webhook, and prints the answer as it came. */
async function deleteByWebhook(id: string): Promise<boolean> {
  const body = JSON.stringify({ type: "message_batch.delete", data: { id } });
  const messageId = `msg_${crypto.randomUUID()}`;
  const now = new Date();
  console.log(`POST ${worker.url}/webhook\n${body}\n`);
  const response = await fetch(`${worker.url}/webhook`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": messageId,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign(messageId, now, body),
    },
    body,
  });
  console.log(`HTTP ${response.status}\n${await response.text()}`);
  const deletes = sandbox.requests.filter(({ method }) => method === "DELETE");
  return response.status === 200 && sandbox.batch(id) === undefined && deletes.length === 1;
}

function guide(): string {
  const [forCurl, forDeno, forBun] = others;
  const environment = `ANTHROPIC_API_KEY=${apiKey} ANTHROPIC_BASE_URL=${api.url}`;
  const variables =
    "ANTHROPIC_API_KEY,ANTHROPIC_AUTH_TOKEN,ANTHROPIC_BASE_URL,ANTHROPIC_WORKSPACE_ID,NO_PROXY";
  return `The Worker listens on ${worker.url}, the sandbox on ${api.url}.
The sandbox has ${sandbox.size} batches left: ${others.length} that have ended, and
${unended.map(({ id, processing_status }) => `${id} (${processing_status})`).join("\n")}

Sign a webhook and send it with curl:

  id=msg_$(date +%s); time=$(date +%s)
  body='{"type":"message_batch.delete","data":{"id":"${forCurl}"}}'
  signature=$(printf '%s.%s.%s' "$id" "$time" "$body" |
    openssl dgst -sha256 -mac HMAC -macopt hexkey:${
    Buffer.from(key).toString("hex")
  } -binary | base64)
  curl -i ${worker.url}/webhook -H 'content-type: application/json' -H "webhook-id: $id" \\
    -H "webhook-timestamp: $time" -H "webhook-signature: v1,$signature" -d "$body"

Delete with Deno:

  ${environment} \\
  npx deno run --allow-net=${new URL(api.url).host} --allow-env=${variables} \\
    src/adapters/deno.ts delete ${forDeno}

Delete with Bun:

  ${environment} \\
  npx bun src/adapters/bun.ts delete ${forBun}

Ctrl-C ends both.`;
}
