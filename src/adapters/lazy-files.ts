import type { Files } from "../cli/host.ts";

/** The file system, loaded when it is used: most commands use none. */
export const lazyFiles: Files = {
  async *read(path) {
    yield* (await load()).read(path);
  },
  write: async (path, text) => await (await load()).write(path, text),
  appendTo: async (path) => await (await load()).appendTo(path),
  resultsIn: async (directory) => await (await load()).resultsIn(directory),
};

const load = async (): Promise<Files> => (await import("./files.ts")).files;
