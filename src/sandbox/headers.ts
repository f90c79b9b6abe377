/**
 * The headers of a request, and which of them the API refuses.
 *
 * @module
 */
import { invalid, Refusal } from "./answer.ts";

const versions: readonly string[] = ["2023-06-01", "2026-10-21"];

/** The names in the documentation of the beta delete. */
const documentedBetas: readonly string[] = [
  "message-batches-2024-09-24",
  "prompt-caching-2024-07-31",
  "computer-use-2024-10-22",
  "computer-use-2025-01-24",
  "pdfs-2024-09-25",
  "token-counting-2024-11-01",
  "token-efficient-tools-2025-02-19",
  "output-128k-2025-02-19",
  "files-api-2025-04-14",
  "mcp-client-2025-04-04",
  "mcp-client-2025-11-20",
  "dev-full-thinking-2025-05-14",
  "interleaved-thinking-2025-05-14",
  "code-execution-2025-05-22",
  "extended-cache-ttl-2025-04-11",
  "context-1m-2025-08-07",
  "context-management-2025-06-27",
  "model-context-window-exceeded-2025-08-26",
  "skills-2025-10-02",
  "fast-mode-2026-02-01",
];

/** The credentials, betas and workspace that a sandbox accepts. */
export interface HeaderRules {
  readonly apiKeys: readonly string[] | undefined;
  /** Betas besides the documented ones. */
  readonly betas: readonly string[];
  readonly workspaceId: string;
}

/** Throws the API's refusal of a request's origin, credential, version, betas or workspace. */
export function checkHeaders(headers: Headers, path: string, rules: HeaderRules): void {
  if (headers.has("origin")) {
    throw new Refusal(
      401,
      "CORS requests are not allowed for this Organization because of custom retention settings.",
    );
  }
  checkCredential(headers, path, rules.apiKeys);
  const version = headers.get("anthropic-version");
  if (!version) throw invalid("anthropic-version: header is required");
  if (!versions.includes(version)) {
    throw invalid(`anthropic-version: "${version}" is not a valid version`);
  }
  const known = [...documentedBetas, ...rules.betas];
  const unknown = betaNames(headers).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const names = unknown.map((name) => `\`${name}\``).join(", ");
    throw invalid(
      `Unexpected value(s) ${names} for the \`anthropic-beta\` header. Please consult our documentation at platform.claude.com/docs or try again without the header.`,
    );
  }
  // "If sent, it must match that Workspace." How the API refuses it is not published. [inferred]
  const workspaceId = headers.get("anthropic-workspace-id");
  if (workspaceId !== null && workspaceId !== rules.workspaceId) {
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

function checkCredential(headers: Headers, path: string, apiKeys?: readonly string[]): void {
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
