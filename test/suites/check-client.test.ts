import { describe, expect, test } from "vitest";
import { checkClient, type Client } from "../../mod.ts";
import { apiKey } from "../fixtures/stub.ts";

describe("checkClient() accepts", () => {
  const good: Record<string, Client> = {
    "a key alone": { apiKey },
    "a token alone": { authToken: apiKey },
    "a key with white space around it": { apiKey: ` ${apiKey}\n` },
    "plain HTTP on loopback": { apiKey, baseUrl: "http://127.0.0.1:8080" },
    "plain HTTP on IPv6 loopback": { apiKey, baseUrl: "http://[::1]:8080/prefix" },
    "plain HTTP on localhost": { apiKey, baseUrl: new URL("http://localhost:8080") },
    "no retries": { apiKey, maxRetries: 0 },
  };
  for (const [name, client] of Object.entries(good)) {
    test(name, () => expect(() => checkClient(client)).not.toThrow());
  }
});

describe("checkClient() refuses", () => {
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
    "half a retry": { apiKey, maxRetries: 0.5 },
    "retries without end": { apiKey, maxRetries: Infinity },
    "a fetch that is no function": { apiKey, fetch: apiKey },
  };
  for (const [name, client] of Object.entries(bad)) {
    test(`${name}, without quoting it`, () => {
      let message = "";
      try {
        checkClient(client as Client);
      } catch (error) {
        expect(error).toSatisfy((e) => e instanceof TypeError || e instanceof RangeError);
        message = String(error);
      }
      expect(message).toMatch(/Cannot use/);
      expect(message).not.toContain(apiKey);
    });
  }
});
