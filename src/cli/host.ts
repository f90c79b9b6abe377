/** What the command needs from its process: a runtime is one object of this shape. */
import type { AppendFile } from "../audit/mod.ts";
import type { Clock, Fetch } from "../core/client.ts";
import type { ResultStore } from "../purge/mod.ts";

/** The process of the command. */
export interface Host {
  /** A variable; `undefined` if it is not set or may not be read. It never asks for permission. */
  env(name: string): string | undefined;
  /** Whether a variable may be read. Default: yes. */
  mayRead?(variable: string): boolean;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted when the user interrupts. A second interruption ends the process. */
  readonly signal: AbortSignal;
  /** What makes the requests. Default: the global one. */
  readonly fetch?: Fetch | undefined;
  /** Keeps requests to a host from every proxy, and says whether it could. Default: yes. */
  bypassProxy?(hostname: string): boolean;
  /** Whether a URL may be requested or served. A runtime may ask the user. Default: yes. */
  permits?(url: URL): boolean;
  /**
   * The words that start this command again, able to call a URL, and to read and write paths.
   * Default: `batchsweep`.
   */
  commandLine?(url: URL, paths?: Paths): readonly string[];
  /** Serves a fetch handler over HTTP; rejects where it cannot listen. */
  serve(handler: Handler, address: Address): Promise<Server>;
  readonly files: Files;
  /** Time, randomness and waiting. Default: the runtime's. */
  readonly clock?: Clock | undefined;
}

/** A file or a directory that a command reads, and one that it writes. */
export interface Paths {
  readonly read?: string;
  readonly write?: string;
}

/** The file system. A runtime may ask the user. Its errors have a `code` such as `"ENOENT"`. */
export interface Files {
  /** The bytes of a file. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** The audit trail of a SQLite database of the service, as JSON lines. It changes nothing. */
  readDatabase(path: string): AsyncIterable<Uint8Array>;
  /**
   * Writes a new file for its owner only, whole or not at all, and safe from a crash of the machine.
   * It rejects with `"EEXIST"` if the file exists.
   */
  write(path: string, text: string): Promise<void>;
  /** Opens or creates a file to add lines at its end. */
  appendTo(path: string): Promise<OpenFile>;
  /**
   * Opens or creates a directory for results, a file `ID.jsonl` for each batch. A file that exists
   * stays: the same content counts as stored, other content fails.
   */
  resultsIn(directory: string): Promise<ResultStore>;
}

/** An open file, to be closed at the end. */
export interface OpenFile extends AppendFile {
  close(): Promise<void>;
}

/** Where a text goes. */
export interface Output {
  /** Resolves when the text is taken. Rejects with `"EPIPE"` if the reader has closed the pipe. */
  write(text: string): Promise<void>;
  /** Width of the terminal; absent if it is no terminal. */
  readonly columns?: number | undefined;
}

/** Where ids and answers come from. */
export interface Input {
  readonly isTerminal: boolean;
  /** Begins to read, until the end. A terminal gives lines. */
  read(): AsyncIterable<Uint8Array>;
}

/** Answers a request. */
export type Handler = (request: Request) => Promise<Response>;

/** Where to listen. */
export interface Address {
  readonly hostname: string;
  /** 0 takes any port that is free. */
  readonly port: number;
}

/** A server that listens. */
export interface Server {
  /** Its origin, such as `http://127.0.0.1:4010`. */
  readonly url: string;
  close(): Promise<void>;
}
