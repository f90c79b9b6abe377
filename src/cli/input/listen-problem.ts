import { fileProblem } from "./file-problem.ts";

/** Why a runtime cannot listen, as the end of a sentence. */
export function listenProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return reasons[code] ?? fileProblem(error);
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken",
  EADDRNOTAVAIL: "this machine has no such address",
  EINVAL: "this machine has no such address",
  ENOTFOUND: "this machine has no such address",
};
