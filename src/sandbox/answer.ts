/** What a route answers, before it becomes a Response. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Text, nothing, or lines that are made one by one while they are read. */
  readonly body: string | null | (() => Iterable<string>);
}

/** One request on its way to a route. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  /** Values of the path's `{parameters}`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The sandbox's time, ms since the epoch. */
  readonly now: number;
  /** Origin and base path that the client used: what absolute URLs in answers begin with. */
  readonly baseUrl: string;
}

/** One row of the router's table. */
export interface Route {
  readonly method: string;
  /** The documentation's template, such as `/v1/messages/batches/{message_batch_id}`. */
  readonly path: string;
  readonly handle: (call: Call) => Answer | Promise<Answer>;
}

/** A 200 with JSON. */
export function jsonAnswer(value: unknown): Answer {
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  };
}
