/**
 * What the command needs from the process it runs in, as interfaces only. A runtime is one object of
 * this shape.
 *
 * @module
 */
import type { Fetch } from "../core/client.ts";
import type { AppendFile, Clock, ResultStore } from "../core/ports.ts";

/** The process, as far as the command knows it. */
export interface Host {
  /**
   * Value of an environment variable; `undefined` where it is not set, and where it may not be read.
   * Asking never makes the runtime ask the user.
   */
  env(name: string): string | undefined;
  /**
   * Whether a variable may be read, where the runtime has permissions. It never asks the user.
   *
   * @default () => true
   */
  mayRead?(name: string): boolean;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted when the user interrupts. To interrupt again is to end the process: the host's affair. */
  readonly signal: AbortSignal;
  /** What makes the requests. @default globalThis.fetch */
  readonly fetch?: Fetch | undefined;
  /**
   * Whether a URL may be requested or served, where the runtime has permissions. The runtime may ask
   * the user.
   *
   * @default () => true
   */
  permits?(url: URL): boolean;
  /** Serves a fetch handler over HTTP; rejects where it cannot listen. */
  serve(handler: Handler, address: Address): Promise<Server>;
  readonly files: Files;
  /** Time, randomness and waiting. @default the runtime's */
  readonly clock?: Clock | undefined;
}

/**
 * The file system. Where the runtime has permissions, it may ask the user. Errors are the runtime's,
 * with a `code` such as `"ENOENT"` where it gives one.
 */
export interface Files {
  /** The bytes of a file. */
  read(path: string): AsyncIterable<Uint8Array>;
  /**
   * Writes a file that is not there yet, whole or not at all, for its owner only. It resolves when the
   * file is safe, also from a crash of the machine; it rejects with the code `"EEXIST"` where
   * there is a file.
   */
  write(path: string, text: string): Promise<void>;
  /** Opens a file that is only added to; it is made where there is none. */
  appendTo(path: string): Promise<OpenFile>;
  /**
   * Opens a directory where results are kept, a file `ID.jsonl` for each batch; it is made where there
   * is none. A file that is there stays as it is: the same content counts as stored, another fails.
   */
  resultsIn(directory: string): Promise<ResultStore>;
}

/** A file that is open, to be closed at the end. */
export interface OpenFile extends AppendFile {
  close(): Promise<void>;
}

/** Where a text goes. */
export interface Output {
  /**
   * Resolves when the text is on its way. Rejects with an error whose `code` is `"EPIPE"` where
   * nobody reads it any more.
   */
  write(text: string): Promise<void>;
  /** Width of the terminal, where it is one. */
  readonly columns?: number | undefined;
}

/** Where ids and answers come from. */
export interface Input {
  readonly isTerminal: boolean;
  /** The bytes, until the end; nothing is read before this is called. A terminal gives lines. */
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
