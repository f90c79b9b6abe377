import { afterAll, expect, test } from "vitest";
import { startServers } from "../server/global-setup.ts";
import { environment, run } from "./in-memory.ts";
import { createMemoryFiles } from "./memory-files.ts";

const { servers: { server, gateway }, close } = await startServers();
afterAll(close);

test("behind a gateway, delete --export stores results, then deletes", async () => {
  const post = async (path: string, body: object) => {
    const response = await fetch(server + path, { method: "POST", body: JSON.stringify(body) });
    return await response.json();
  };
  const { basePath } = await post("/sandboxes", { apiKeys: ["sk-ant-api03-0123456789"] });
  const control = (body: object) => post(`${basePath}/control`, body);
  const { batch: { id } } = await control({ seed: { requests: 2 } });
  const files = createMemoryFiles();
  const { code, stdout } = await run(["delete", "--export", "out", id], {
    env: environment({
      ANTHROPIC_API_KEY: "sk-virtual-0123456789",
      ANTHROPIC_BASE_URL: gateway + basePath,
    }),
    files,
    fetch: (url, init) => fetch(url, init),
  });
  expect([code, stdout]).toEqual([0, expect.stringContaining(`deleted ${id}`)]);
  expect([...files.texts.values()].join("").trim().split("\n")).toHaveLength(2);
  const { requests } = await control({});
  expect(requests.at(-1)).toMatchObject({ method: "DELETE", status: 200 });
});
