/**
 * What the command needs from its process, as interfaces. A runtime is one object of this shape.
 *
 * @module
 */
import type { AppendFile } from "../audit/mod.ts";
import type { Clock, Fetch } from "../core/client.ts";
import type { ResultStore } from "../purge/mod.ts";

/** The process of the command. */
export interface Host {
  /**
   * The value of an environment variable; `undefined` if it is not set or may not be read. The
   * runtime never asks the user for permission.
   */
  env(name: string): string | undefined;
  /**
   * Whether a variable may be read.
   *
   * @default () => true
   */
  mayRead?(variable: string): boolean;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted when the user interrupts. A second interruption ends the process. */
  readonly signal: AbortSignal;
  /**
   * What makes the requests.
   *
   * @default globalThis.fetch
   */
  readonly fetch?: Fetch | undefined;
  /**
   * Keeps requests to a host from every proxy.
   *
   * @returns Whether it could.
   * @default () => true
   */
  bypassProxy?(hostname: string): boolean;
  /**
   * Whether a URL may be requested or served. A runtime with permissions may ask the user.
   *
   * @default () => true
   */
  permits?(url: URL): boolean;
  /**
   * The words that start this command again, in the same folder, with what it needs to call a URL.
   *
   * @default () => ["batchsweep"]
   */
  commandLine?(url: URL): readonly string[];
  /** Serves a fetch handler over HTTP; rejects where it cannot listen. */
  serve(handler: Handler, address: Address): Promise<Server>;
  readonly files: Files;
  /**
   * Time, randomness and waiting.
   *
   * @default the runtime's
   */
  readonly clock?: Clock | undefined;
}

/**
 * The file system. A runtime with permissions may ask the user. Errors are the runtime's own, with a
 * `code` such as `"ENOENT"` where it has one.
 */
export interface Files {
  /** The bytes of a file. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** The audit trail of a SQLite database of the service, as JSON lines. It changes nothing. */
  readDatabase(path: string): AsyncIterable<Uint8Array>;
  /**
   * Writes a new file, whole or not at all, readable for its owner only. It resolves when the file
   * survives a crash of the machine. It rejects with the code `"EEXIST"` if the file exists.
   */
  write(path: string, text: string): Promise<void>;
  /** Opens a file to add lines at its end. It is created if it does not exist. */
  appendTo(path: string): Promise<OpenFile>;
  /**
   * Opens a directory for results, one file `ID.jsonl` for each batch. It is created if it does not
   * exist. A file that exists stays: the same content counts as stored, other content fails.
   */
  resultsIn(directory: string): Promise<ResultStore>;
}

/** An open file, to be closed at the end. */
export interface OpenFile extends AppendFile {
  close(): Promise<void>;
}

/** Where a text goes. */
export interface Output {
  /**
   * Resolves when the runtime has taken the text. Rejects with the `code` `"EPIPE"` if the reader has
   * closed the pipe.
   */
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
