/** An error with a code, as those of a file system or of a pipe. */
export const systemError = (code: string): Error =>
  Object.assign(new Error(`${code}: as the system says`), { code });
