/**
 * The API without a network: from a request, past the headers and the rate limit, to a route.
 *
 * @module
 */
import { type Answer, notFound, Refusal } from "./answer.ts";
import { timestamp } from "./format.ts";
import { checkHeaders, type HeaderRules } from "./headers.ts";

/** One request on its way to a route. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  /** Values of the path's `{parameters}`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The sandbox's time, ms since the epoch. */
  readonly now: number;
  /** Origin and base path that the client used: what absolute URLs in answers begin with. */
  readonly baseUrl: string;
}

/**
 * Handlers by method and path, as the documentation writes them:
 * `GET /v1/messages/batches/{message_batch_id}`.
 */
export type Routes = Readonly<Record<string, (call: Call) => Answer | Promise<Answer>>>;

/** A limit of requests a minute. */
export interface RateLimit {
  /** Requests a minute: what the bucket is refilled with, continuously. */
  readonly perMinute: number;
  /** Requests that a full bucket holds. @default perMinute */
  readonly burst?: number | undefined;
  /** Whether every answer carries `anthropic-ratelimit-requests-*`. @default false */
  readonly headers?: boolean | undefined;
}

/** The API: no faults, and no headers that every answer has. */
export interface Api {
  /** The template that a path fits, if any. */
  templateOf(path: string): string | undefined;
  /** Checks a request, does what it asks for, and answers. A refusal is an answer. */
  perform(path: string, requestId: string, call: Omit<Call, "params">): Promise<Answer>;
}

/** Creates the API. Headers come first, then the rate limit, then path and method. [inferred] */
export function createApi(routes: Routes, rules: HeaderRules, rateLimit?: RateLimit): Api {
  const table = Object.entries(routes).map(([route, handle]) => {
    const [method = "", template = ""] = route.split(" ");
    // A path fits a template whole: no trailing slash, no empty parameter.
    const pattern = new RegExp(`^${template.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
    return { method, template, pattern, handle };
  });
  const takeToken = rateLimit && createTokenBucket(rateLimit);
  const fitting = (path: string) => table.filter(({ pattern }) => pattern.test(path));

  function dispatch(path: string, call: Omit<Call, "params">): Answer | Promise<Answer> {
    const { method } = call.request;
    const rows = fitting(path);
    const row = rows.find((candidate) => candidate.method === method);
    if (row) return row.handle({ ...call, params: readParams(row.pattern, path) });
    if (rows.length === 0) throw notFound();
    const headers = { allow: rows.map((candidate) => candidate.method).join(", ") };
    throw new Refusal(405, `Method ${method} is not allowed for this resource.`, { headers });
  }

  return {
    templateOf: (path) => fitting(path)[0]?.template,
    async perform(path, requestId, call) {
      let limits: Readonly<Record<string, string>> = {};
      let answer: Answer;
      try {
        checkHeaders(call.request.headers, path, rules);
        const decision = takeToken?.(call.now);
        limits = decision?.headers ?? limits;
        if (decision?.allowed === false) {
          throw new Refusal(429, "This request would exceed your organization's rate limit.");
        }
        answer = await dispatch(path, call);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        answer = error.toAnswer(requestId);
      }
      return { ...answer, headers: { ...limits, ...answer.headers } };
    },
  };
}

function readParams(pattern: RegExp, path: string): Record<string, string> {
  const groups = Object.entries(pattern.exec(path)?.groups ?? {});
  try {
    return Object.fromEntries(groups.map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    throw notFound(); // a malformed percent-encoding names nothing
  }
}

/**
 * Creates the token bucket of a rate limit. A refused request takes nothing from it.
 *
 * @returns A function that takes one request from the bucket at a time (ms since the epoch). It says
 *   whether the request may pass, and which headers its answer carries.
 */
function createTokenBucket(limit: RateLimit) {
  const capacity = limit.burst ?? limit.perMinute;
  const perMs = limit.perMinute / 60_000;
  let tokens = capacity;
  let filledAt: number | undefined;
  return (now: number) => {
    tokens = Math.min(capacity, tokens + Math.max(0, now - (filledAt ?? now)) * perMs);
    filledAt = now;
    const allowed = tokens >= 1 - 1e-9; // a refill in small steps may round below
    if (allowed) tokens = Math.max(0, tokens - 1);
    const headers: Record<string, string> = {};
    if (limit.headers) {
      headers["anthropic-ratelimit-requests-limit"] = String(limit.perMinute);
      headers["anthropic-ratelimit-requests-remaining"] = String(Math.floor(tokens + 1e-9));
      headers["anthropic-ratelimit-requests-reset"] = timestamp(now + (capacity - tokens) / perMs);
    }
    if (!allowed) {
      headers["retry-after"] = String(Math.max(1, Math.ceil((1 - tokens) / perMs / 1000)));
    }
    return { allowed, headers };
  };
}
