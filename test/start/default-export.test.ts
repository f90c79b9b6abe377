import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { start } from "../cli/runtimes.ts";
import { hash, token } from "../fixtures/gateway.ts";
import { apiKey } from "../fixtures/stub.ts";

const bin = new URL("../../node_modules/.bin/", import.meta.url).pathname;
const file = "test/fixtures/default-service.ts";
const commands = {
  "bun FILE": [`${bin}bun`, "--no-env-file", file],
  "deno serve FILE": [
    ...[`${bin}deno`, "serve", "--allow-env", "--allow-net=127.0.0.1"],
    ...["--host", "127.0.0.1", "--port", "0", file],
  ],
};

const sandbox = createSandbox({ apiKeys: [apiKey] });
let upstream: Server;
beforeAll(async () => void (upstream = await serve(sandbox.fetch)));
afterAll(() => upstream.close());

describe("export default createService()", () => {
  for (const [name, command] of Object.entries(commands)) {
    test(`runs as it stands by ${name}`, async () => {
      const allow = ["batches:delete", "audit:read"];
      const env = {
        ANTHROPIC_API_KEY: apiKey,
        ANTHROPIC_BASE_URL: upstream.url,
        GATEWAY_TOKENS: JSON.stringify([{ name: "one", sha256: await hash(token), allow }]),
        PORT: "0",
        NO_COLOR: "1",
      };
      const { child, ended, until } = start(command, { env });
      const pattern = /(?:Listening on|server:) (http:\/\/[\w.]+:\d+)/;
      const [, url = ""] = await Promise.any([until("stdout", pattern), until("stderr", pattern)]);
      const { id } = sandbox.seed({ processing_status: "ended" });
      const ask = (path: string, method = "GET") =>
        fetch(url + path, { method, headers: { "x-api-key": token } });
      expect(await (await ask(`/v1/messages/batches/${id}`, "DELETE")).json())
        .toEqual({ id, type: "message_batch_deleted" });
      expect(sandbox.batch(id)).toBeUndefined();
      expect((await ask("/healthz")).status).toBe(200);
      const lines = (await (await ask("/audit")).text()).trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line).objectId)).toEqual([id, id]);

      const broken = ask("/audit?id=fails").then((response) => response.text());
      await expect(broken).rejects.toThrow(TypeError);
      child.kill();
      await ended;
    });
  }
});
