import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readConfig, variableNames } from "../../src/config/mod.ts";

const variables = [...readFileSync(".dev.vars.example", "utf8").matchAll(/^(# )?([A-Z_]+)=(.+)$/gm)]
  .map(([, optional, name = "", value]) => ({ optional: optional !== undefined, name, value }));

describe("what is deployed", () => {
  test("asks for known variables, and only for those that are needed", () => {
    expect(variables.filter(({ name }) => !variableNames.includes(name))).toEqual([]);
    expect(variables.filter(({ optional }) => !optional).map(({ name }) => name))
      .toEqual(["ANTHROPIC_API_KEY", "WEBHOOK_SECRETS"]);
    const values = variables.map(({ name, value }) => [name, value]);
    const config = readConfig(Object.fromEntries(values));
    expect(config.client()).toMatchObject({ baseUrl: "http://127.0.0.1:4010" });
    expect(config.policy()).toMatchObject({ version: 1 });
    expect([config.requests(), config.maxShare()]).toEqual([50, 0.5]);
  });

  test("describes what it asks for, and what wrangler.toml has", () => {
    const { cloudflare } = JSON.parse(readFileSync("package.json", "utf8"));
    const config = readFileSync("wrangler.toml", "utf8");
    const names = [
      ...[...config.matchAll(/^binding = "(\w+)"/gm)].map(([, name = ""]) => name),
      ...variables.filter(({ optional }) => !optional).map(({ name }) => name),
    ];
    expect(Object.keys(cloudflare.bindings)).toEqual(expect.arrayContaining(names));
    expect([...variableNames, ...names])
      .toEqual(expect.arrayContaining(Object.keys(cloudflare.bindings)));
  });

  test.for(
    [
      ["deploy/batchsweep.service", /^TimeoutStopSec=(\d+)$/m],
      ["deploy/compose.yaml", /stop_grace_period: (\d+)s/],
      ["deploy/Dockerfile", /--stop-timeout (\d+)/],
    ] as const,
  )("%s waits longer than a deletion may take", ([file, pattern]) => {
    const seconds = Number(pattern.exec(readFileSync(file, "utf8"))?.[1]);
    expect(seconds * 1_000).toBeGreaterThan(readConfig({}).gracePeriod() + 5_000);
  });
});
