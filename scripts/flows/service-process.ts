/**
 * A process that `flows.ts` measures: it makes the service that its environment describes, and either
 * hands it the request that its input describes, or runs the retention policy if there is none.
 * Arguments: the root of the checkout.
 *
 * @module
 */
import { text } from "node:stream/consumers";
import type * as sqlite from "../../src/adapters/sqlite.ts";
import type * as face from "../../src/service/mod.ts";

const root = process.argv[2] ?? "";
const { createService, createStorage }: typeof face = await import(`${root}/src/service/mod.ts`);
const { openSqlite }: typeof sqlite = await import(`${root}/src/adapters/sqlite.ts`);
const service = createService({
  environment: process.env,
  storage: createStorage(openSqlite(":memory:")),
  log: ({ error }) => error && console.error(error),
});
const request = await text(process.stdin);
if (request === "") {
  await service.scheduled();
} else {
  const response = await service.fetch(
    new Request("http://localhost/webhook", JSON.parse(request)),
  );
  if (response.status !== 200) console.error(await response.text());
}
