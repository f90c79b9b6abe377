import { Refusal } from "./refusal.ts";

const VERSIONS: readonly string[] = ["2023-06-01", "2026-10-21"];

/** The names in the documentation of the beta delete. */
const BETAS: readonly string[] = [
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

/** Whom and what the sandbox accepts. */
export interface HeaderRules {
  readonly apiKeys: readonly string[] | undefined;
  readonly betas: readonly string[];
  readonly workspaceId: string;
}

/** The organization's endpoints take an administrator's key, and no other endpoint does. */
const ADMINISTRATIVE = "/v1/organizations/";
const ADMIN_KEY = "sk-ant-admin";

/** Refuses a request whose headers the API refuses: origin, credential, version, betas, workspace. */
export function checkHeaders(headers: Headers, path: string, rules: HeaderRules): void {
  if (headers.has("origin")) {
    throw new Refusal(
      401,
      "CORS requests are not allowed for this Organization because of custom retention settings.",
    );
  }
  checkCredential(headers, path, rules.apiKeys);
  const version = headers.get("anthropic-version");
  if (!version) throw new Refusal(400, "anthropic-version: header is required");
  if (!VERSIONS.includes(version)) {
    throw new Refusal(400, `anthropic-version: "${version}" is not a valid version`);
  }
  const unknown = betaNames(headers).filter((name) =>
    !BETAS.includes(name) && !rules.betas.includes(name)
  );
  if (unknown.length > 0) {
    const names = unknown.map((name) => `\`${name}\``).join(", ");
    throw new Refusal(
      400,
      `Unexpected value(s) ${names} for the \`anthropic-beta\` header. Please consult our documentation at platform.claude.com/docs or try again without the header.`,
    );
  }
  // "If sent, it must match that Workspace." How it is refused is not published. [inferred]
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
  return headers.has("x-api-key")
    ? "x-api-key"
    : headers.has("authorization")
    ? "authorization"
    : undefined;
}

function checkCredential(
  headers: Headers,
  path: string,
  apiKeys: readonly string[] | undefined,
): void {
  const name = credentialHeader(headers);
  if (!name) throw new Refusal(401, "x-api-key header is required");
  const value = headers.get(name) ?? "";
  const secret = name === "x-api-key" ? value : /^bearer +(.*)$/i.exec(value)?.[1] ?? "";
  const known = secret !== "" && (!apiKeys || apiKeys.includes(secret));
  // [inferred] The documentation says which key goes where, but not how the other one is refused.
  if (!known || secret.startsWith(ADMIN_KEY) !== path.startsWith(ADMINISTRATIVE)) {
    throw new Refusal(401, name === "x-api-key" ? "invalid x-api-key" : "Invalid bearer token");
  }
}
