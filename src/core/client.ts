import type { AnthropicBeta } from "./betas.ts";
import type { AuditTrail, Clock, Pace } from "./ports.ts";

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
   * Where the API is: HTTPS, or plain HTTP on loopback. It may have a path prefix.
   *
   * @default "https://api.anthropic.com"
   */
  readonly baseUrl?: string | URL | undefined;
  /**
   * The version of the API, sent as `anthropic-version`.
   *
   * @default "2023-06-01"
   */
  readonly apiVersion?: string | undefined;
  /** Betas of every call, sent as `anthropic-beta`. Those of a call are added. */
  readonly betas?: readonly AnthropicBeta[] | undefined;
  /** The workspace to act in, sent as `anthropic-workspace-id`, for credentials that see several. */
  readonly workspaceId?: string | undefined;
  /** More headers, for proxies and AI gateways. Those that this library sends itself are refused. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * What makes the requests.
   *
   * @default globalThis.fetch
   */
  readonly fetch?: Fetch | undefined;
  /**
   * How long one attempt may take, asking for the secret and the whole answer included, in
   * milliseconds.
   *
   * @default 60_000
   */
  readonly timeout?: number | undefined;
  /**
   * How many times a failed attempt is repeated: after a lost connection, a timeout, 408, 409, 429
   * or 5xx, unless the API says otherwise in `x-should-retry`.
   *
   * @default 2
   */
  readonly maxRetries?: number | undefined;
  /**
   * The longest wait before a repetition, in milliseconds. A server that asks for longer ends the
   * call, with `retryAfter` on the error.
   *
   * @default 60_000
   */
  readonly maxRetryDelay?: number | undefined;
  /**
   * Where every deletion is recorded: an intent before it, an outcome after it. When the intent
   * cannot be written, nothing is deleted and the call rejects with the trail's error. When the
   * outcome cannot be written, the call ends as it would, with `auditError` beside. An entry that
   * takes longer than `timeout` counts as one that cannot be written.
   *
   * @default none
   */
  readonly auditTrail?: AuditTrail | undefined;
  /** On whose behalf the calls are made, for the audit trail. */
  readonly actor?: string | undefined;
  /** Called once per attempt, at its end. What it throws or rejects with is ignored. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
  /**
   * Time, randomness and waiting between attempts.
   *
   * @default the runtime's
   */
  readonly clock?: Clock | undefined;
  /**
   * What every attempt asks for leave before it is sent. The wait is no part of `timeout`. A 429 is
   * then repeated as long as the pace takes it upon itself, whatever `maxRetries` says.
   *
   * @default none: an attempt is sent at once
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
