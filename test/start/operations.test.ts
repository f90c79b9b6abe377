import { expect, test } from "vitest";
import { openSqlite } from "../../src/adapters/sqlite.ts";
import { createStorage } from "../../src/storage/mod.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { hash, token } from "../fixtures/gateway.ts";
import { deletion, webhook } from "../fixtures/webhook.ts";
import { serviceRuntimes } from "./service-command.ts";
import { origin, type Process, startBefore, until } from "./service-process.ts";

test.each(serviceRuntimes)("an operation of %s outlives SIGTERM and SIGKILL", async (runtime) => {
  const reader = { name: "operator", sha256: await hash(token), allow: ["operations:read"] };
  const first = await startBefore(runtime, { GATEWAY_TOKENS: JSON.stringify([reader]) });
  const { sandbox, path } = first;
  const { id } = sandbox.seed({ processing_status: "in_progress" });
  const urlOf = async ({ printed }: Process) => (await printed(origin))[1] ?? "";
  const find = async (service: Process) => {
    const url = `${await urlOf(service)}/operations/${id}`;
    return await (await fetch(url, { headers: { "x-api-key": token } })).json();
  };
  const asked = (method: string) => sandbox.requests.filter((one) => one.method === method).length;

  const request = webhook(deletion(id, true), { origin: await urlOf(first) });
  const response = await fetch(request);
  expect([response.status, response.headers.get("location")]).toEqual([202, `/operations/${id}`]);
  await until(() => asked("POST") === 1);
  first.child.kill("SIGTERM");
  expect(await first.code).toBe(0);

  const looked = asked("GET");
  const second = await first.again();
  expect(await find(second)).toMatchObject({ id, state: "running" });
  await until(() => asked("GET") > looked);
  second.child.kill("SIGKILL");
  await second.ended;
  expect(sandbox.batch(id)?.processing_status).toBe("canceling");
  sandbox.seed({ id, processing_status: "ended" });

  const third = await first.again();
  await until(async () => (await find(third)).state === "succeeded");
  expect(await find(third)).toMatchObject({ evidence: "receipt", attempts: 1 });
  expect([asked("POST"), asked("DELETE")]).toEqual([1, 1]);
  const database = openSqlite(path);
  const entries = await collect(createStorage(database).entries());
  database.close();
  const { "webhook-id": webhookId } = Object.fromEntries(request.headers);
  expect(entries.map(({ phase, outcome, ...entry }) => [phase, outcome, entry.webhookId]))
    .toEqual([["intent", undefined, webhookId], ["outcome", "deleted", webhookId]]);
});
