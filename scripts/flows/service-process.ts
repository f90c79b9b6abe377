/**
 * A process that `flows.ts` measures: it makes the service that its environment describes, and either
 * hands it the request that its input describes, or runs the retention policy where there is none.
 * Arguments: the URL of the service's face.
 *
 * @module
 */
import { text } from "node:stream/consumers";
import type * as face from "../../src/service/mod.ts";

const { createMemoryStateStore, createService, serviceOptionsFrom }: typeof face = await import(
  process.argv[2] ?? ""
);
const service = createService({
  ...serviceOptionsFrom((name) => process.env[name]),
  stateStore: createMemoryStateStore(),
  onError: (error) => console.error(error),
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
