import type { Client } from "../core/client.ts";
import { settingsOf } from "../core/settings.ts";
import { createPace } from "./pace.ts";

/**
 * A client with a pace: its own, or a new one.
 *
 * @param concurrency The most requests that a new one has under way at a time.
 */
export function withPace(client: Client, concurrency: number): Client {
  const { clock, maxRetryDelay: longestWait, pace } = settingsOf(client);
  return pace ? client : { ...client, pace: createPace({ clock, concurrency, longestWait }) };
}
