/**
 * What the command needs from the process it runs in, as interfaces only. A runtime is one object of
 * this shape.
 *
 * @module
 */
import type { Fetch } from "../core/client.ts";

/** The process, as far as the command knows it. */
export interface Host {
  /**
   * Value of an environment variable; `undefined` where it is not set, and where it may not be read.
   * Asking never makes the runtime ask the user.
   */
  env(name: string): string | undefined;
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

/** Where ids come from. */
export interface Input {
  readonly isTerminal: boolean;
  /** The bytes, until the end; nothing is read before this is called. */
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
