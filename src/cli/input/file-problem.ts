/** What an error of the file system means, as the end of a sentence. */
export function fileProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "NotCapable") { // Deno's own, for what it does not permit
    const [flag = "--allow-read, --allow-write"] = /--allow-\w+/.exec(error.message) ?? [];
    return `this process has no permission for it (${flag})`;
  }
  const said = "code" in error ? reasons[String(error.code)] : undefined;
  return said ?? error.message.split("\n")[0] ?? error.name;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "it is not permitted",
  EPERM: "it is not permitted",
  EROFS: "the file system is read-only",
  EEXIST: "it exists already",
  EISDIR: "it is a directory",
  ENOENT: "there is no such file or directory",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of its path is not a directory",
};
