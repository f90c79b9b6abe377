/**
 * What is the same for every command that calls the API.
 *
 * @module
 */
import type { Client, RequestEvent } from "../../core/client.ts";
import type { DeletableResource } from "../../core/resource.ts";
import { type ClientFlags, createClient } from "../client/create-client.ts";
import { type Command, InvalidArgumentError } from "../deps.ts";
import { CommandError } from "../exit-code.ts";
import { describeRequest } from "../terminal/describe.ts";
import { parseDuration } from "../input/parse-duration.ts";
import type { CommandContext } from "./command-context.ts";

/** What every command that calls the API takes. */
export interface CommonFlags extends ClientFlags {
  readonly json?: true | undefined;
  readonly verbose?: true | undefined;
}

/**
 * Adds what every command that calls the API takes.
 *
 * @param command The command.
 * @param json What its `--json` prints.
 */
export function addCommonOptions(command: Command, json: string): Command {
  return command
    .option("--json", json)
    .option("--verbose", "print one line per request on stderr")
    .option("--base-url <url>", "where the API is, instead of ANTHROPIC_BASE_URL")
    .option(
      "--request-timeout <duration>",
      "time for one request, such as 30s (default: 60s)",
      requestTimeout,
    )
    .option("--max-retries <count>", "repetitions of a failed request (default: 2)", count);
}

/**
 * The client that the common flags and the environment describe.
 *
 * @param resource What is called for; the organization's takes another key.
 * @throws {CommandError} No credentials, or something cannot be used.
 */
export function clientFor(
  { baseUrl, requestTimeout, maxRetries, verbose }: CommonFlags,
  resource: Pick<DeletableResource, "administrative">,
  { host, output }: Pick<CommandContext, "host" | "output">,
): Client & { readonly baseUrl: string } {
  const note = verbose &&
    ((event: RequestEvent) => void output.note(`${describeRequest(event)}\n`));
  return createClient(host, resource, { baseUrl, requestTimeout, maxRetries }, note);
}

/** Reads a duration of the command line. */
export function duration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new InvalidArgumentError("Give a unit: 500ms, 30s, 2m");
  return value;
}

/** As timers have it: not above 2,147,483,647 ms, which is nearly 25 days. */
function requestTimeout(text: string): number {
  const value = duration(text);
  if (value >= 1 && value < 2_147_483_648) return value;
  throw new CommandError(
    `Cannot use --request-timeout ${
      JSON.stringify(text.slice(0, 80))
    }: give a time from 1ms to 24d`,
  );
}

/** Reads a count of the command line. */
export function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Give a whole number");
  return Number(text);
}
