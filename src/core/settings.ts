import { cannotUse } from "./cannot-use.ts";
import { systemClock } from "./clock.ts";
import type { Client, Fetch, RequestEvent, Secret } from "./client.ts";
import type { AuditTrail, Clock, Pace } from "./ports.ts";

/** The configuration of a {@link Client}, checked, with every default in its place. */
export interface Settings {
  readonly credential: { readonly name: "apiKey" | "authToken"; readonly secret: Secret };
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** All headers but the credential. */
  readonly headers: Readonly<Record<string, string>>;
  /** Values of headers that a server may echo, and that no error may hold: a gateway's token. */
  readonly confidential: readonly string[];
  readonly betas: readonly string[];
  readonly fetch: Fetch;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly maxRetryDelay: number;
  readonly onRequest: (event: RequestEvent) => void;
  readonly clock: Clock;
  readonly pace: Pace | undefined;
  readonly auditTrail: AuditTrail | undefined;
  readonly actor: string | undefined;
}

const longestTimer = 2 ** 31 - 1; // what setTimeout of every runtime can hold
const sentByLibrary = /^(x-api-key|authorization|anthropic-(version|beta|workspace-id)|accept)$/i;
export const loopback: RegExp = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Checks a client's configuration without making a request. Every call does this first; do it
 * yourself to find a mistake early.
 *
 * @param client The configuration.
 * @throws {TypeError | RangeError} Something in it cannot be used. The message never quotes a value.
 *
 * @example Find a mistake before the first request
 * ```ts
 * import { checkClient } from "batchsweep";
 *
 * checkClient({ apiKey: "sk-ant-api03-example", timeout: 30_000 });
 * ```
 */
export function checkClient(client: Client): void {
  settingsOf(client);
}

/** The settings that a call works with. Throws as {@link checkClient} does. */
export function settingsOf(client: Client): Settings {
  if (typeof client !== "object" || client === null) {
    throw cannotUse("client", "it is not an object");
  }
  const { apiKey, authToken, workspaceId } = client;
  const secret = apiKey ?? authToken;
  if (secret === undefined) {
    throw cannotUse("client", "it has neither apiKey nor authToken");
  }
  const name = apiKey === undefined ? "authToken" : "apiKey";
  if (typeof secret !== "function") checkSecret(secret, name);

  if (client.headers !== undefined && Symbol.iterator in client.headers) {
    throw cannotUse("headers", "they are not a plain object");
  }
  const headers: Record<string, string> = {};
  for (const [header, value] of Object.entries(client.headers ?? {})) {
    if (!/^[!#$%&'*+.^`|~\w-]+$/.test(header)) {
      throw cannotUse("headers", "a name is not an HTTP header name");
    }
    if (sentByLibrary.test(header)) {
      throw cannotUse("headers", `"${header}" is sent by the library itself`);
    }
    headers[header.toLowerCase()] = checkLine(value, `header "${header}"`);
  }
  // Each word, since a server may echo a token without its scheme.
  const confidential = Object.values(headers)
    .flatMap((value) => [value, ...value.split(/[\s,;=]+/)]);
  headers["accept"] = "application/json";
  headers["anthropic-version"] = checkLine(client.apiVersion ?? "2023-06-01", "apiVersion");
  if (workspaceId !== undefined) {
    headers["anthropic-workspace-id"] = checkLine(workspaceId, "workspaceId");
  }
  if (client.fetch !== undefined && typeof client.fetch !== "function") {
    throw cannotUse("fetch", "it is not a function");
  }
  return {
    credential: { name, secret },
    baseUrl: checkBaseUrl(client.baseUrl ?? "https://api.anthropic.com"),
    headers,
    confidential,
    betas: checkBetas(client.betas),
    fetch: client.fetch ?? ((url, init) => fetch(url, init)),
    timeout: inRange(client.timeout ?? 60_000, "timeout", 1, longestTimer),
    maxRetries: inRange(client.maxRetries ?? 2, "maxRetries", 0, 100),
    maxRetryDelay: inRange(client.maxRetryDelay ?? 60_000, "maxRetryDelay", 0, longestTimer),
    onRequest: client.onRequest ?? (() => {}),
    clock: client.clock ?? systemClock,
    pace: client.pace,
    auditTrail: client.auditTrail,
    actor: client.actor,
  };
}

/** Checks a text, and trims the white space around it, which copying brings along. */
function checkText(value: unknown, name: string, pattern: RegExp, why: string): string {
  if (typeof value !== "string" || !pattern.test(value.trim())) throw cannotUse(name, why);
  return value.trim();
}

function checkLine(value: unknown, name: string): string {
  return checkText(value, name, /^[\x20-\x7e]+$/, "it is not one line of ASCII text");
}

/**
 * Checks a key or token, and trims it.
 *
 * @throws {TypeError} It cannot be sent in a header. A runtime's own error would quote it.
 */
export function checkSecret(secret: unknown, name: "apiKey" | "authToken"): string {
  const why = "it is empty, or has a character that no key has, such as a line break";
  return checkText(secret, name, /^[\x21-\x7e]+$/, why);
}

/** Checks names of betas. Each becomes part of a comma list in one header. */
export function checkBetas(betas: readonly string[] = []): readonly string[] {
  if (!Array.isArray(betas)) throw cannotUse("betas", "it is not an array");
  const why = "a name is empty, or has a space, a comma or a line break";
  return betas.map((beta) => checkText(beta, "betas", /^[\x21-\x2b\x2d-\x7e]+$/, why));
}

function checkBaseUrl(value: string | URL): string {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw cannotUse("baseUrl", "it is not an absolute URL");
  }
  if (url.username !== "" || url.password !== "") {
    throw cannotUse("baseUrl", "it holds credentials");
  }
  if (/[?#]/.test(url.href)) {
    throw cannotUse("baseUrl", "it has a query or a fragment");
  }
  if (/\/v1\/*$/.test(url.pathname)) {
    throw cannotUse("baseUrl", "it ends in /v1, which every path begins with");
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback.test(url.hostname))) {
    throw cannotUse("baseUrl", "it is neither HTTPS nor plain HTTP on loopback");
  }
  return url.href.replace(/\/+$/, "");
}

function inRange(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== "number") throw cannotUse(name, "it is not a number");
  if (!(value >= least && value <= most) || (name === "maxRetries" && !Number.isInteger(value))) {
    throw new RangeError(
      `Cannot use ${name} as ${value}: it must be a number from ${least} to ${most}`,
    );
  }
  return value;
}
