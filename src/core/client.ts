/** Who calls the API, and how: the client, its check and its defaults. @module */
import { unlessAborted } from "./abort.ts";
import type { AuditTrail } from "./audit.ts";
import {
  cannotUse,
  type Check,
  type Checked,
  checkOptions,
  type Checks,
  checkText,
  hasMethods,
  isBetas,
  isFunction,
  isNumber,
  isObject,
  isSignal,
  isText,
} from "./check.ts";

/**
 * The name of a beta of the API. Those that concern what can be deleted are suggested; any is allowed.
 *
 * @see [Beta headers](https://platform.claude.com/docs/en/api/beta-headers)
 */
export type AnthropicBeta =
  | "message-batches-2024-09-24"
  | "files-api-2025-04-14"
  | "skills-2025-10-02"
  | "agent-memory-2026-07-22"
  | "managed-agents-2026-04-01"
  | (string & Record<never, never>);

/**
 * A key or token: the text itself, or a function that gives it. A function is asked before every
 * attempt, so that a secret that is rotated, or read from a vault, is always the current one.
 */
export type Secret = string | (() => string | Promise<string>);

/** The `fetch` function of every runtime, as far as this library calls it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** One attempt at a request, for a log line, a trace or a metric. It holds no secret. */
export interface RequestEvent {
  readonly method: string;
  /** The path with the names of its parameters, such as `/v1/messages/batches/{message_batch_id}`. */
  readonly pathTemplate: string;
  /** Which attempt of its call this was, from 1. */
  readonly attempt: number;
  /** The HTTP status; absent where no whole answer came. */
  readonly status?: number | undefined;
  /** Why no whole answer came: `"ERR_CONNECTION"`, `"ERR_TIMEOUT"` or `"ERR_ABORTED"`. */
  readonly errorCode?: string | undefined;
  readonly requestId?: string | undefined;
  /** How long the attempt took, in milliseconds. */
  readonly duration: number;
  /** How long the call waits before it tries again, in milliseconds; absent for the last attempt. */
  readonly retryDelay?: number | undefined;
  /** Whether it is certain what the attempt did at the API. */
  readonly outcomeKnown: boolean;
}

/** Who calls the API, and how. A plain object: write the configuration once, pass it first. */
export interface Client {
  /** The API key, sent as `x-api-key`. This or `authToken` is required; if both are set, it wins. */
  readonly apiKey?: Secret | undefined;
  /** An access token, sent as `Authorization: Bearer`. */
  readonly authToken?: Secret | undefined;
  /**
   * Where the API is: HTTPS, or plain HTTP on loopback. It may have a path prefix. `HTTP_PROXY` sends
   * loopback to the proxy, too, with the key: set `NO_PROXY=127.0.0.1,localhost,::1,[::1]`, too.
   * @default "https://api.anthropic.com"
   */
  readonly baseUrl?: string | URL | undefined;
  /** The version of the API, sent as `anthropic-version`. @default "2023-06-01" */
  readonly apiVersion?: string | undefined;
  /** Betas of every call, sent as `anthropic-beta`. Those of a call are added. */
  readonly betas?: readonly AnthropicBeta[] | undefined;
  /** The workspace to act in, sent as `anthropic-workspace-id`, for credentials that see several. */
  readonly workspaceId?: string | undefined;
  /** More headers, for proxies and AI gateways. Those that this library sends itself are refused. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What makes the requests. It must send each request once. @default globalThis.fetch */
  readonly fetch?: Fetch | undefined;
  /**
   * How long one attempt may take, with the secret and the whole answer, in milliseconds. At most
   * 300,000, where the `fetch` of Node ends; with a `fetch` of your own, more. @default 60_000
   */
  readonly timeout?: number | undefined;
  /**
   * How many times a failed attempt is repeated: after a lost connection, a timeout, 408, 409, 429
   * or 5xx, unless the API says otherwise in `x-should-retry`. @default 2
   */
  readonly maxRetries?: number | undefined;
  /**
   * The longest wait before a repetition, in milliseconds. A server that asks for longer ends the
   * call, with `retryAfter` on the error. @default 60_000
   */
  readonly maxRetryDelay?: number | undefined;
  /**
   * Where every deletion is recorded: an intent before it, an outcome after it. If the intent cannot
   * be written within `timeout`, nothing is deleted and the call rejects with the trail's error. If
   * the outcome cannot, the call ends as it would, with `auditError` beside. @default none
   */
  readonly auditTrail?: AuditTrail | undefined;
  /** On whose behalf the calls are made, for the audit trail. */
  readonly actor?: string | undefined;
  /** Why the calls are made, for the audit trail: a ticket, a request of a person. */
  readonly reason?: string | undefined;
  /** Called once per attempt, at its end. What it throws or rejects with is ignored. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  /** Time, randomness and waiting between attempts. @default the runtime's */
  readonly clock?: Clock | undefined;
  /**
   * What every attempt asks for leave before it is sent. The wait is no part of `timeout`. A 429 is
   * then repeated as long as the pace says so, whatever `maxRetries` is. @default none
   */
  readonly pace?: Pace | undefined;
}

/** What can be set for one call. */
export interface CallOptions {
  /** Aborts the call. Its promise then rejects with `signal.reason`, untouched. */
  readonly signal?: AbortSignal | undefined;
  /** Betas of this call, added to those of the client. */
  readonly betas?: readonly AnthropicBeta[] | undefined;
}

/** Time, randomness and waiting, as one parameter: so that tests are quick and exact. */
export interface Clock {
  /** The current time, in milliseconds since the epoch. */
  now(): number;
  /** A random number, from 0 up to but not including 1. */
  random(): number;
  /**
   * Waits.
   *
   * @param signal Ends the wait at once; the promise then rejects with its reason.
   */
  sleep(duration: number, signal?: AbortSignal): Promise<void>;
}

/** What the requests of a client ask for leave, so that all of them together keep to the limits. */
export interface Pace {
  /**
   * Waits until a request may be sent.
   *
   * @param signal Ends the wait at once; the promise then rejects with its reason.
   */
  permit(signal?: AbortSignal): Promise<Permit>;
}

/**
 * Leave to send one request. It is given back by telling what the request came to, or nothing where
 * none was sent; only the first telling counts.
 *
 * @param answer What came back, as far as anything did.
 * @returns Whether the request was refused for its pace alone. Then it may be sent again, with a
 *   permit of its own, and that is not one of its retries.
 */
export type Permit = (answer?: {
  readonly status?: number | undefined;
  readonly headers?: Headers | undefined;
}) => boolean;

/** The clock that is used where a {@link Client} has none of its own: the runtime's. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  async sleep(duration, signal) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const sleeping = new Promise<void>((resolve) => timer = setTimeout(resolve, duration));
    await unlessAborted(sleeping, signal).finally(() => clearTimeout(timer));
  },
};

/** The configuration of a {@link Client}, checked, with every default in its place. */
export type Settings =
  & Checked<Client>
  & Required<Pick<Checked<Client>, "betas" | "fetch" | "clock">>
  & Required<Pick<Checked<Client>, "timeout" | "maxRetries" | "maxRetryDelay">>
  & {
    readonly credential: {
      readonly name: "apiKey" | "authToken";
      readonly secret: Secret | undefined;
      /** The hash of a key, once it was asked for. */
      hash?: Promise<ArrayBuffer>;
    };
    /** Without a slash at its end. */
    readonly baseUrl: string;
    /** All headers but the credential. */
    readonly headers: Readonly<Record<string, string>>;
    /** Values of headers that a server may echo, and that no error may hold: a gateway's token. */
    readonly confidential: readonly string[];
  };

/** The longest wait that the timers of all runtimes can hold, in milliseconds. */
export const maxTimer: number = 2 ** 31 - 1;
const sentByLibrary = /^(x-api-key|authorization|anthropic-(version|beta|workspace-id)|accept)$/i;

/** Host names on which plain HTTP is allowed. */
export const loopback: RegExp = /^(localhost|127(\.\d+){3}|\[::1\])$/;

const isLine: Check<string> = (value, name) =>
  checkText(value, name, /^[\x20-\x7e]+$/, "it is not one line of ASCII text");

/** The check of a key or token. The runtime's own error for a wrong header would quote it. */
export function isSecretText(value: unknown, name: string): string {
  const why = "it is empty, or has a character that no key has";
  return checkText(value, name, /^[\x21-\x7e]+$/, why);
}

const isSecret: Check<Secret> = (value, name) =>
  typeof value === "function" ? value as Secret : isSecretText(value, name);

const isBaseUrl: Check<string> = (value, name) => {
  let url: URL;
  try {
    url = new URL(String(value));
  } catch {
    throw cannotUse(name, "it is not an absolute URL");
  }
  if (url.username || url.password) throw cannotUse(name, "it holds credentials");
  if (/[?#]/.test(url.href)) throw cannotUse(name, "it has a query or a fragment");
  if (/\/v1\/*$/.test(url.pathname)) {
    throw cannotUse(name, "it ends in /v1, which every path begins with");
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback.test(url.hostname))) {
    throw cannotUse(name, "it is neither HTTPS nor plain HTTP on loopback");
  }
  return url.href.replace(/\/+$/, "");
};

/** Header names become lower case. */
const isHeaders: Check<Readonly<Record<string, string>>> = (value, name) => {
  if (!isObject(value)) throw cannotUse(name, "they are not a plain object");
  const headers: Record<string, string> = {};
  for (const [header, text] of Object.entries(value)) {
    if (!/^[!#$%&'*+.^`|~\w-]+$/.test(header)) {
      throw cannotUse(name, "a name is not an HTTP header name");
    }
    if (sentByLibrary.test(header)) {
      throw cannotUse(name, `"${header}" is sent by the library itself`);
    }
    headers[header.toLowerCase()] = isLine(text, `header "${header}"`);
  }
  return headers;
};

/** The check of a clock. */
export const isClock: Check<Clock> = /* @__PURE__ */ hasMethods(
  "a Clock",
  "now",
  "random",
  "sleep",
);

const clientChecks: Checks<Client> = {
  apiKey: isSecret,
  authToken: isSecret,
  baseUrl: isBaseUrl,
  apiVersion: isLine,
  betas: isBetas,
  workspaceId: isLine,
  headers: isHeaders,
  fetch: isFunction,
  timeout: /* @__PURE__ */ isNumber(1, maxTimer),
  maxRetries: /* @__PURE__ */ isNumber(0, 100, { whole: true }),
  maxRetryDelay: /* @__PURE__ */ isNumber(0, maxTimer),
  auditTrail: /* @__PURE__ */ hasMethods<AuditTrail>("an AuditTrail", "append"),
  actor: isText,
  reason: isText,
  onRequest: isFunction,
  clock: isClock,
  pace: /* @__PURE__ */ hasMethods<Pace>("a Pace", "permit"),
};

/** The checks of {@link CallOptions}. */
export const callChecks: Checks<CallOptions> = { signal: isSignal, betas: isBetas };

/**
 * Checks a client before its first request, and puts every default in its place.
 *
 * @throws {ArgumentError} Something in it cannot be used.
 */
export function checkClient(client: Client): Settings {
  if (!isObject(client)) throw cannotUse("client", "it is not an object");
  const checked = checkOptions(client, clientChecks, "client option");
  const { apiKey, authToken, workspaceId, headers, apiVersion = "2023-06-01" } = checked;
  // The fetch of Node waits no longer, nor does that of Bun.
  if (!checked.fetch) isNumber(1, 300_000)(checked.timeout ?? 1, "timeout");
  const secret = apiKey ?? authToken;
  if (secret === undefined) throw cannotUse("client", "it has neither apiKey nor authToken");
  return {
    fetch: (url, init) => fetch(url, init),
    betas: [],
    timeout: 60_000,
    maxRetries: 2,
    maxRetryDelay: 60_000,
    clock: systemClock,
    ...checked,
    credential: { name: apiKey === undefined ? "authToken" : "apiKey", secret },
    baseUrl: String(checked.baseUrl ?? "https://api.anthropic.com"),
    headers: {
      ...headers,
      accept: "application/json",
      "anthropic-version": apiVersion,
      ...workspaceId && { "anthropic-workspace-id": workspaceId },
    },
    // Each word, since a server may echo a token without its scheme.
    confidential: Object.values(headers ?? {})
      .flatMap((value) => [value, ...value.split(/[\s,;=]+/)]),
  };
}
