/**
 * Errors of the file system and of the network, in words for people.
 *
 * @module
 */

/** What an error of the file system means, as the end of a sentence. */
export function fileProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isDenied(error)) {
    const [flag = "--allow-read, --allow-write"] = /--allow-\w+/.exec(error.message) ?? [];
    return `this process has no permission for it (${flag})`;
  }
  return fileProblems[codeOf(error)] ?? error.message.split("\n")[0] ?? error.name;
}

/** Why a runtime cannot listen, as the end of a sentence. */
export function listenProblem(error: unknown): string {
  return listenProblems[codeOf(error)] ?? fileProblem(error);
}

/** Variables that send requests to a proxy, or keep them from it. */
const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/**
 * What to look at after there was no connection: the variables of a proxy that are set, without their
 * values, which may hold a password, and Deno's flag.
 */
export function connectionHints(
  reason: string | undefined,
  url: string,
  env: (variable: string) => unknown,
): readonly string[] {
  if (reason === "permission") return [`Permit it with --allow-net=${new URL(url).host}`];
  if (url.startsWith("http:")) return []; // it is on loopback, and bypasses every proxy
  const set = proxyVariables.filter((name) => env(name) || env(name.toLowerCase()));
  return set.length === 0 ? [] : [`Set for a proxy: ${set.join(", ")}`];
}

/** Whether Deno does not permit what was tried. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

/** The code of an error of the system, such as `"ENOENT"`; empty if it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

const fileProblems: Readonly<Record<string, string>> = {
  EACCES: "it is not permitted",
  EPERM: "it is not permitted",
  EROFS: "the file system is read-only",
  EEXIST: "it exists already",
  EFBIG: "it may not become so large",
  EISDIR: "it is a directory",
  ENOENT: "there is no such file or directory",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of its path is not a directory",
};

const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken",
  EADDRNOTAVAIL: "this machine has no such address",
  EINVAL: "this machine has no such address",
  ENOTFOUND: "this machine has no such address",
};
