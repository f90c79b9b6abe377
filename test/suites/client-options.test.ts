import { describe, expect, test } from "vitest";
import { type Client, deleteMessageBatch, listMessageBatches } from "../../mod.ts";
import { applyPurge, createPace, planPurge } from "../../src/purge/mod.ts";
import { readAuditTrail } from "../../src/audit/mod.ts";
import { deleteFile } from "../../src/resources.ts";
import { apiKey, receipt, rejection } from "../fixtures/stub.ts";

const id = "msgbatch_1";

/** Deletes a batch with a client, and says what was thrown, and what was sent. */
async function tryClient(client: unknown): Promise<{ error?: unknown; sent: string[] }> {
  const sent: string[] = [];
  const fetch: Client["fetch"] = (url) => {
    sent.push(url);
    return Promise.resolve(receipt(id)());
  };
  const given = typeof client === "object" && client !== null ? { fetch, ...client } : client;
  try {
    await deleteMessageBatch(given as Client, id);
    return { sent };
  } catch (error) {
    return { error, sent };
  }
}

describe("a client is accepted with", () => {
  const good: Record<string, Client> = {
    "a key alone": { apiKey },
    "a token alone": { authToken: apiKey },
    "a key with white space around it": { apiKey: ` ${apiKey}\n` },
    "plain HTTP on loopback": { apiKey, baseUrl: "http://127.0.0.1:8080" },
    "plain HTTP on IPv6 loopback": { apiKey, baseUrl: "http://[::1]:8080/prefix" },
    "plain HTTP on localhost": { apiKey, baseUrl: new URL("http://localhost:8080") },
    "no retries": { apiKey, maxRetries: 0 },
    "a long timeout for a fetch of its own": { apiKey, timeout: 3_600_000 },
  };
  for (const [name, client] of Object.entries(good)) {
    test(name, async () => {
      const { error, sent } = await tryClient(client);
      expect([error, sent.length]).toEqual([undefined, 1]);
    });
  }
});

describe("a client is refused before the first request with", () => {
  const bad: Record<string, unknown> = {
    "nothing": undefined,
    "no credential": {},
    "an empty key": { apiKey: " " },
    "a key with a line break inside": { apiKey: `${apiKey}\n${apiKey}` },
    "a key with a character beyond ASCII": { apiKey: `${apiKey}é` },
    "a key that is a number": { apiKey: 1 },
    "plain HTTP beyond loopback": { apiKey, baseUrl: `http://${apiKey}.example.com` },
    "another scheme": { apiKey, baseUrl: `ftp://${apiKey}` },
    "no URL": { apiKey, baseUrl: apiKey },
    "credentials in the base URL": { apiKey, baseUrl: `https://user:${apiKey}@example.com` },
    "a query in the base URL": { apiKey, baseUrl: `https://example.com/?key=${apiKey}` },
    "an empty query in the base URL": { apiKey, baseUrl: "https://example.com/v1/files/file_1?" },
    "an empty fragment in the base URL": { apiKey, baseUrl: "https://example.com/admin#" },
    "the version in the base URL": { apiKey, baseUrl: "https://example.com/v1/" },
    "headers that are no plain object": { apiKey, headers: new Headers({ "x-gateway": "1" }) },
    "a header of its own": { apiKey, headers: { "X-Api-Key": apiKey } },
    "a header with a line break": { apiKey, headers: { "x-gateway": `${apiKey}\r\nx-evil: 1` } },
    "a header name with a space": { apiKey, headers: { [`${apiKey} x`]: "1" } },
    "a beta with a comma": { apiKey, betas: [`${apiKey},b`] },
    "betas that are a string": { apiKey, betas: apiKey },
    "a timeout of zero": { apiKey, timeout: 0 },
    "a timeout no timer can hold": { apiKey, timeout: 2 ** 31 },
    "a timeout that the fetch of Node does not keep": {
      apiKey,
      timeout: 300_001,
      fetch: undefined,
    },
    "half a retry": { apiKey, maxRetries: 0.5 },
    "retries without end": { apiKey, maxRetries: Infinity },
    "a fetch that is no function": { apiKey, fetch: apiKey },
  };
  for (const [name, client] of Object.entries(bad)) {
    test(`${name}, without quoting it`, async () => {
      const { error, sent } = await tryClient(client);
      expect(error).toSatisfy((e) => e instanceof TypeError || e instanceof RangeError);
      expect(String(error)).toMatch(/Cannot use/);
      expect(String(error)).not.toContain(apiKey);
      expect(sent).toEqual([]);
    });
  }
});

describe("an option that does not exist is refused before the first request, with the nearest name:", () => {
  const misspelt: [string, Record<string, unknown>, string][] = [
    [
      "baseURL",
      { apiKey, baseURL: "http://127.0.0.1:1" },
      'client option "baseURL": did you mean "baseUrl"?',
    ],
    [
      "authtoken",
      { apiKey, authtoken: apiKey },
      'client option "authtoken": did you mean "authToken"?',
    ],
    ["a key as a name", { apiKey, [apiKey]: 1 }, 'client option "[redacted]": there are apiKey, '],
  ];
  test.each(misspelt)("%s of a client", async (_, client, message) => {
    const { error, sent } = await tryClient(client);
    expect(String(error)).toContain(`TypeError: Cannot use ${message}`);
    expect(sent).toEqual([]);
  });

  test.each(
    [
      [
        "hold of applyPurge()",
        (client: Client) => applyPurge(client, emptyPlan, { hold: [id] } as never),
        'option "hold": did you mean "holds"?',
      ],
      [
        "allowmissing of deleteMessageBatch()",
        (client: Client) => deleteMessageBatch(client, id, { allowmissing: true } as never),
        'option "allowmissing": did you mean "allowMissing"?',
      ],
      [
        "attempted of deleteFile()",
        (client: Client) => deleteFile(client, "file_1", { attempted: true } as never),
        'option "attempted": there are signal, betas, allowMissing, mayBeDeletedAlready',
      ],
      [
        "limit of listMessageBatches()",
        (client: Client) => listMessageBatches(client, { limit: 1 } as never).next(),
        'option "limit": there are signal, betas, pageSize',
      ],
      [
        "filters of planPurge()",
        (client: Client) => planPurge(client, { filters: "*" } as never),
        'option "filters": did you mean "filter"?',
      ],
      [
        "concurency of createPace()",
        async () => await Promise.reject(thrown(() => createPace({ concurency: 1 } as never))),
        'option "concurency": did you mean "concurrency"?',
      ],
      [
        "onUnreadble of readAuditTrail()",
        () => readAuditTrail([], { onUnreadble: () => {} } as never).next(),
        'option "onUnreadble": did you mean "onUnreadable"?',
      ],
    ] as const,
  )("%s", async (_, call, message) => {
    const sent: string[] = [];
    const fetch = (url: string) => {
      sent.push(url);
      return Promise.resolve(new Response());
    };
    const error = await rejection(Promise.resolve(call({ apiKey, fetch })));
    expect(String(error)).toContain(`TypeError: Cannot use ${message}`);
    expect(sent).toEqual([]);
  });
});

const emptyPlan = {
  version: 1,
  createdAt: "2026-11-01T00:00:00Z",
  baseUrl: "https://api.anthropic.com",
  filter: "*",
  items: [],
} as const;

function thrown(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("null is refused like any wrong value, before the first request, for the client option", () => {
  const names: readonly (keyof Client)[] = [
    "apiKey",
    "authToken",
    "baseUrl",
    "apiVersion",
    "betas",
    "workspaceId",
    "headers",
    "fetch",
    "timeout",
    "maxRetries",
    "maxRetryDelay",
    "auditTrail",
    "actor",
    "onRequest",
    "clock",
    "pace",
  ];
  test.each(names)("%s", async (name) => {
    const { error, sent } = await tryClient({ apiKey, authToken: apiKey, [name]: null });
    expect(String(error)).toMatch(`TypeError: Cannot use ${name}: `);
    expect(sent).toEqual([]);
  });
});
