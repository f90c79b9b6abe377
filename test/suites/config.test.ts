import { describe, expect, test } from "vitest";
import {
  clientFrom,
  type Config,
  readConfig,
  scopes,
  variableNames,
} from "../../src/config/mod.ts";
import { gatewayTokens } from "../fixtures/gateway.ts";
import { retentionPolicy } from "../fixtures/retention.ts";
import { apiKey } from "../fixtures/stub.ts";
import { otherSecret, secret } from "../fixtures/webhook.ts";

/** A value of each variable that can be used. */
const good: Readonly<Record<string, string>> = {
  ANTHROPIC_API_KEY: apiKey,
  ANTHROPIC_AUTH_TOKEN: "token",
  ANTHROPIC_ADMIN_KEY: "sk-ant-admin01-example",
  ANTHROPIC_BASE_URL: "https://api.example.com",
  ANTHROPIC_WORKSPACE_ID: "wrkspc_1",
  WEBHOOK_SECRETS: `${secret},${otherSecret}`,
  GATEWAY_TOKENS: await gatewayTokens(),
  RETENTION_POLICY: retentionPolicy,
  RETENTION_REQUESTS: "100",
  RETENTION_MAX_SHARE: "12.5%",
  RETENTION_OVERDUE_AFTER: "P2D",
  GRACE_PERIOD: "10",
  AUDIT: "off",
  DATABASE: "/data/a.sqlite",
  HOST: "::1",
  PORT: "80",
  RETENTION_SCHEDULE: "@daily",
};

/** Reads everything. */
function readAll(environment: Readonly<Record<string, unknown>>) {
  const { has: _, ...config } = readConfig(environment);
  return Object.fromEntries(Object.entries(config).map(([name, get]) => [name, get()]));
}

describe("readConfig()", () => {
  test("reads every variable", () => {
    expect(Object.keys(good).toSorted()).toEqual(variableNames.toSorted());
    const client = {
      ...{ apiKey, authToken: "token" },
      ...{ baseUrl: "https://api.example.com", workspaceId: "wrkspc_1" },
    };
    expect(readAll(good)).toEqual({
      client,
      ...client,
      webhookSecrets: [secret, otherSecret],
      gatewayTokens: JSON.parse(good["GATEWAY_TOKENS"] ?? "")
        .map((token: object) => ({ allow: ["batches:delete"], ...token })),
      policy: JSON.parse(retentionPolicy),
      requests: 100,
      maxShare: 0.125,
      overdueAfter: 172_800_000,
      schedule: "@daily",
      audit: false,
      database: "/data/a.sqlite",
      gracePeriod: 10_000,
      hostname: "::1",
      port: 80,
      adminKey: "sk-ant-admin01-example",
    });
  });

  test("takes a blank variable for one that is not set, and has defaults", () => {
    const needed = Object.entries(good).filter(([name]) => /KEY|SECRETS|TOKENS/.test(name));
    expect(readAll({ ...Object.fromEntries(needed), RETENTION_POLICY: " ", PORT: "" }))
      .toMatchObject({
        ...{ policy: undefined, requests: undefined, maxShare: 1, overdueAfter: 93_600_000 },
        ...{ schedule: "17 3 * * *", audit: true, database: undefined, gracePeriod: 25_000 },
        ...{ hostname: "127.0.0.1", port: 8787 },
      });
  });

  test("takes a Worker's variables that are no text", () => {
    const { policy, requests, maxShare, overdueAfter, gatewayTokens } = readConfig({
      RETENTION_POLICY: JSON.parse(retentionPolicy),
      RETENTION_REQUESTS: 100,
      RETENTION_OVERDUE_AFTER: 1.5,
      GATEWAY_TOKENS: JSON.parse(good["GATEWAY_TOKENS"] ?? ""),
      RETENTION_MAX_SHARE: null,
    });
    expect(policy()).toEqual(JSON.parse(retentionPolicy));
    expect([requests(), maxShare(), overdueAfter()]).toEqual([100, 1, 5_400_000]);
    expect(gatewayTokens()).toHaveLength(2);
  });

  test("reads everything that a token may have", () => {
    const token = {
      ...{ name: "a", sha256: "0".repeat(64), allow: scopes, expiresAt: "2027-01-01T00:00:00Z" },
      ...{ minDaysSinceEnded: 0.5, maxDeletesPerDay: 10 },
    };
    expect(readConfig({ GATEWAY_TOKENS: [token] }).gatewayTokens()).toEqual([token]);
    expect(scopes).toEqual(expect.arrayContaining(["files:delete", "workspace_members:delete"]));
  });

  test("reads a variable once, and only when it is needed", () => {
    let reads = 0;
    const config = readConfig({
      ...good,
      get RETENTION_POLICY() {
        reads += 1;
        return retentionPolicy;
      },
      PORT: "none",
    });
    expect(reads).toBe(0);
    expect(config.policy()).toBe(config.policy());
    expect(reads).toBe(1);
    expect(() => config.port()).toThrow("PORT");
  });

  test.each(variableNames)("refuses %s in quotes, and says so", (name) => {
    for (const quote of ['"', "'", "`"]) {
      for (const text of [`${quote}${good[name]}${quote}`, `${good[name]}${quote}`]) {
        expect(() => readAll({ ...good, [name]: text }))
          .toThrow(`Cannot use ${name}: it is in quotes: leave them out`);
      }
    }
  });

  test.each<readonly [value: keyof Config, name: string, text: string | undefined, why: string]>([
    ["client", "ANTHROPIC_API_KEY", "Bearer abc", 'it begins with "Bearer": set the key alone'],
    ["client", "ANTHROPIC_AUTH_TOKEN", "bearer abc", 'it begins with "Bearer": set the key alone'],
    ["client", "ANTHROPIC_API_KEY", "a\nb", "it is empty, or has a character that no key has"],
    ["client", "ANTHROPIC_BASE_URL", "api.example.com", "it is not an absolute URL"],
    ["client", "ANTHROPIC_WORKSPACE_ID", "a\nb", "it is not one line of ASCII text"],
    ["adminKey", "ANTHROPIC_ADMIN_KEY", undefined, "it is not set"],
    ["webhookSecrets", "WEBHOOK_SECRETS", undefined, "it is not set"],
    ["webhookSecrets", "WEBHOOK_SECRETS", " , ", "it is not set"],
    ["webhookSecrets", "WEBHOOK_SECRETS", `${secret} sk-secret`, "a secret is not whsec_"],
    ["webhookSecrets", "WEBHOOK_SECRETS", "whsec_YQ==", "a secret is not whsec_"],
    ["gatewayTokens", "GATEWAY_TOKENS", undefined, "it is not set"],
    ["gatewayTokens", "GATEWAY_TOKENS", "[]", "it is not a JSON list"],
    ["gatewayTokens", "GATEWAY_TOKENS", "sk-secret", "it is not a JSON list"],
    ["gatewayTokens", "GATEWAY_TOKENS", '[{"name":"a","sha256":"sk-secret"}]', "it is not a JSON"],
    ...([
      ['"name":1', "it is not a JSON list"],
      ['"name":"a","expires":"sk-secret"', '"expires" of a token: did you mean "expiresAt"?'],
      [
        '"name":"a","sk-ant-api03-secret":1',
        '"[redacted]" of a token: there are name, sha256, allow',
      ],
      ['"name":"a","allow":["batches:create"]', "a scope is none of batches:delete, batches:read"],
      ['"name":"a","allow":"batches:read"', "it is not a JSON list"],
      ['"name":"a","allow":[]', "allow is empty"],
      ['"name":"a","expiresAt":"2027-01-01"', "expiresAt is not an RFC 3339 date-time"],
      ['"name":"a","minDaysSinceEnded":-1', "minDaysSinceEnded is not a number of 0 or more"],
      ['"name":"a","maxDeletesPerDay":1.5', "maxDeletesPerDay is not a whole number of 1 or more"],
      [
        '"name":"a","minDaysSinceEnded":30,"minDaysSinceEnded":0',
        "minDaysSinceEnded is there twice",
      ],
      [
        '"name":"a","allow":["batches:read"],"\\u0061llow":["batches:delete"]',
        "allow is there twice",
      ],
      ['"name":"a","maxDeletesPerDay":0', "maxDeletesPerDay is not a whole number of 1 or more"],
    ] as const).map(([members, why]) =>
      [
        "gatewayTokens",
        "GATEWAY_TOKENS",
        `[{"sha256":"${"0".repeat(64)}",${members}}]`,
        why,
      ] as const
    ),
    [
      "gatewayTokens",
      "GATEWAY_TOKENS",
      JSON.stringify(["a", "A"].map((name) => ({ name, sha256: name.repeat(64) }))),
      "two have the same sha256",
    ],
    ["policy", "RETENTION_POLICY", "{sk-secret", "it is not JSON"],
    ["policy", "RETENTION_POLICY", "{}", "version is missing; rules is missing; holds is missing"],
    ["requests", "RETENTION_REQUESTS", "0", "it is not a whole number of 1 or more"],
    ["requests", "RETENTION_REQUESTS", "1e3", "it is not a whole number of 1 or more"],
    ["maxShare", "RETENTION_MAX_SHARE", "50", 'it is not a share such as "50%"'],
    ["maxShare", "RETENTION_MAX_SHARE", "101%", 'it is not a share such as "50%"'],
    ["overdueAfter", "RETENTION_OVERDUE_AFTER", "soon", "it is neither an ISO 8601 duration"],
    ["overdueAfter", "RETENTION_OVERDUE_AFTER", "0", "it is neither an ISO 8601 duration"],
    ["audit", "AUDIT", "no", 'it is neither "on" nor "off"'],
    ["port", "PORT", "65536", "it is not a whole number from 0 to 65535"],
    ["port", "PORT", "http", "it is not a whole number from 0 to 65535"],
  ])("%s() refuses %s=%j", (value, name, text, why) => {
    const read = () => readConfig({ ...good, [name]: text })[value](name);
    expect(read).toThrow(`Cannot use ${name}: ${why}`);
    for (const hidden of ["sk-secret", apiKey]) expect(read).not.toThrow(hidden);
  });

  test("needs a key or a token", () => {
    expect(() => readConfig({ ANTHROPIC_BASE_URL: "https://example.com" }).client())
      .toThrow("Cannot use ANTHROPIC_API_KEY: neither it nor ANTHROPIC_AUTH_TOKEN is set");
  });
});

describe("clientFrom()", () => {
  test("reads what the official SDKs read, and checks no more than its form", () => {
    const variables: Readonly<Record<string, string>> = {
      ANTHROPIC_API_KEY: ` ${apiKey}\n`,
      ANTHROPIC_AUTH_TOKEN: " ",
      ANTHROPIC_BASE_URL: "nowhere",
    };
    expect(clientFrom((name) => variables[name])).toEqual({ apiKey, baseUrl: "nowhere" });
  });
});
