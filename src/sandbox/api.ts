/**
 * The API without a network: from a request, past its headers and the rate limit, to a route.
 *
 * @module
 */
import { type Answer, invalid, notFound, Refusal, timestamp } from "./answer.ts";
import type { RateLimit, Settings } from "./options.ts";

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

/** Handlers by method and path: `GET /v1/messages/batches/{message_batch_id}`. */
export type Routes = Readonly<Record<string, (call: Call) => Answer | Promise<Answer>>>;

/** The API: no faults, and no headers that every answer has. */
export interface Api {
  /** The template that a path fits, if any. */
  templateOf(path: string): string | undefined;
  /** Checks a request, does what it asks for, and answers. A refusal is an answer. */
  perform(path: string, requestId: string, call: Omit<Call, "params">): Promise<Answer>;
}

/** Creates the API. Headers come first, then the rate limit, then path and method. [inferred] */
export function createApi(routes: Routes, settings: Settings): Api {
  const table = Object.entries(routes).map(([route, handle]) => {
    const [method = "", template = ""] = route.split(" ");
    // A path fits a template whole: no trailing slash, no empty parameter.
    const pattern = new RegExp(`^${template.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
    return { method, template, pattern, handle };
  });
  const fitting = (path: string) => table.filter(({ pattern }) => pattern.test(path));
  const takeToken = settings.rateLimit && createTokenBucket(settings.rateLimit);

  function dispatch(path: string, call: Omit<Call, "params">): Answer | Promise<Answer> {
    const { method } = call.request;
    const rows = fitting(path);
    const row = rows.find((candidate) => candidate.method === method);
    if (row) {
      const params = Object.entries(row.pattern.exec(path)?.groups ?? {})
        .map(([name, value]) => [name, decodeURIComponent(value)]);
      return row.handle({ ...call, params: Object.fromEntries(params) });
    }
    if (rows.length === 0) throw notFound();
    const headers = { allow: rows.map((candidate) => candidate.method).join(", ") };
    throw new Refusal(405, `Method ${method} is not allowed for this resource.`, { headers });
  }

  return {
    templateOf: (path) => fitting(path)[0]?.template,
    async perform(path, requestId, call) {
      const limits: Record<string, string> = {};
      let answer: Answer;
      try {
        checkHeaders(call.request.headers, path, settings);
        takeToken?.(call.now, limits);
        answer = await dispatch(path, call);
      } catch (caught) {
        const error = caught instanceof URIError ? notFound() : caught; // no id is encoded so
        if (!(error instanceof Refusal)) throw error;
        answer = error.toAnswer(requestId);
      }
      return { ...answer, headers: { ...limits, ...answer.headers } };
    },
  };
}

/**
 * Creates the token bucket of a rate limit. Its function takes a request from the bucket, and tells the
 * limits by headers. It throws the API's refusal if the bucket is empty; then it takes nothing.
 */
function createTokenBucket({ perMinute, burst = perMinute, headers: tells }: RateLimit) {
  const perMs = perMinute / 60_000;
  let tokens = burst;
  let filledAt = Infinity;
  return (now: number, headers: Record<string, string>): void => {
    tokens = Math.min(burst, tokens + Math.max(0, now - filledAt) * perMs);
    filledAt = now;
    const isAllowed = tokens >= 1 - 1e-9; // a refill in small steps may round below
    if (isAllowed) tokens = Math.max(0, tokens - 1);
    if (tells) {
      headers["anthropic-ratelimit-requests-limit"] = String(perMinute);
      headers["anthropic-ratelimit-requests-remaining"] = String(Math.floor(tokens + 1e-9));
      headers["anthropic-ratelimit-requests-reset"] = timestamp(now + (burst - tokens) / perMs);
    }
    if (isAllowed) return;
    headers["retry-after"] = String(Math.max(1, Math.ceil((1 - tokens) / perMs / 1000)));
    throw new Refusal(429, "This request would exceed your organization's rate limit.");
  };
}

/** Throws the API's refusal of a request's origin, credential, version, betas or workspace. */
function checkHeaders(headers: Headers, path: string, settings: Settings): void {
  if (headers.has("origin")) {
    throw new Refusal(
      401,
      "CORS requests are not allowed for this Organization because of custom retention settings.",
    );
  }
  checkCredential(headers, path, settings);
  const version = headers.get("anthropic-version");
  if (!version) throw invalid("anthropic-version: header is required");
  if (!["2023-06-01", "2026-10-21"].includes(version)) {
    throw invalid(`anthropic-version: "${version}" is not a valid version`);
  }
  // Betas come and go. One whose name ends in a date, as they all do, is taken as known.
  const unknown = betaNames(headers).filter((name) => !/-\d{4}-\d\d-\d\d$/.test(name));
  if (unknown.length > 0) {
    const names = unknown.map((name) => `\`${name}\``).join(", ");
    throw invalid(
      `Unexpected value(s) ${names} for the \`anthropic-beta\` header. Please consult our documentation at platform.claude.com/docs or try again without the header.`,
    );
  }
  // "If sent, it must match that Workspace." How the API refuses it is not published. [inferred]
  const workspaceId = headers.get("anthropic-workspace-id") ?? settings.workspaceId;
  if (workspaceId !== settings.workspaceId) {
    throw new Refusal(403, "The credential does not belong to the requested workspace.");
  }
}

/** Which betas a request names: a comma list, the header repeated, or both. */
export function betaNames(headers: Headers): string[] {
  const names = (headers.get("anthropic-beta") ?? "").split(",").map((name) => name.trim());
  return names.filter((name) => name !== "");
}

/** Which header carries the credential. `x-api-key` comes first. */
export function credentialHeader(headers: Headers): "x-api-key" | "authorization" | undefined {
  return (["x-api-key", "authorization"] as const).find((name) => headers.has(name));
}

function checkCredential(headers: Headers, path: string, { apiKeys }: Settings): void {
  const name = credentialHeader(headers);
  if (!name) throw new Refusal(401, "x-api-key header is required");
  const value = headers.get(name) ?? "";
  const secret = name === "x-api-key" ? value : /^bearer +(.*)$/i.exec(value)?.[1] ?? "";
  const known = secret !== "" && (!apiKeys || apiKeys.includes(secret));
  // The organization's endpoints take an administrator's key, and no other endpoint does.
  // [inferred] The documentation says which key goes where, but not how the other one is refused.
  const fits = secret.startsWith("sk-ant-admin") === path.startsWith("/v1/organizations/");
  if (known && fits) return;
  throw new Refusal(401, name === "x-api-key" ? "invalid x-api-key" : "Invalid bearer token");
}
