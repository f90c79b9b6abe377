/** Where an audit trail is read from: a file, a SQLite database of the service, or the service. */
import { bytesOf } from "../core/bytes.ts";
import { connectionHints } from "../config/system-errors.ts";
import { isAbort } from "../core/abort.ts";
import { describeFailure, isCutOff, readFailure } from "../core/connection.ts";
import { readAnswer } from "../core/response.ts";
import { check, checkConnection, noCredentials } from "./client.ts";
import { CommandError, exitCode } from "./errors.ts";
import type { Host } from "./host.ts";
import { untilAborted } from "./input.ts";
import { tokenVariable } from "./output.ts";
import { quote } from "./text.ts";

/** The first bytes of every SQLite database. */
const databaseBegins = "SQLite format 3\0";

/** The bytes of a trail, by its path or its URL. */
export async function* readSource(
  path: string,
  host: Host,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (/^https?:/i.test(path)) return yield* download(path, host);
  let beginning = "";
  const held: Uint8Array[] = [];
  for await (const bytes of host.files.read(path)) {
    const more = bytes.subarray(0, databaseBegins.length - beginning.length);
    beginning += String.fromCharCode(...more);
    if (beginning === databaseBegins) return yield* host.files.readDatabase(path);
    held.push(bytes);
    if (!databaseBegins.startsWith(beginning)) yield* held.splice(0);
  }
  yield* held;
}

/** Reads the trail of a service, with the token that the environment has. */
async function* download(address: string, host: Host): AsyncGenerator<Uint8Array> {
  const token = host.env(tokenVariable)?.trim();
  if (!token) throw noCredentials(host, tokenVariable);
  const names = { apiKey: tokenVariable, baseUrl: "the URL" };
  const baseUrl = address.replace(/\?.*$/s, "");
  const { fetch } = check({ apiKey: token, baseUrl, fetch: host.fetch }, names);
  checkConnection(host, address);

  const cannotRead = (why: string, code?: number) =>
    new CommandError(`Cannot read ${baseUrl}: ${why}`, code);
  let begun = false;
  try {
    const response = await fetch(address, {
      headers: { "x-api-key": token },
      redirect: "manual",
      signal: host.signal,
    });
    begun = true;
    const { status, headers, body } = response;
    const type = headers.get("content-type") ?? "no media type";
    if (status === 200 && /^application\/x-ndjson *(;|$)/i.test(type)) {
      return yield* untilAborted(bytesOf(body ?? []), { limit: 60_000 });
    }
    if (status === 200) throw cannotRead(`it is no audit trail (${quote(type)})`);
    const { body: answer } = await readAnswer(response, 65_536);
    const { detail }: { readonly detail?: unknown } = Object("value" in answer && answer.value);
    const said = typeof detail === "string" ? `: ${quote(detail)}` : "";
    const isRefused = status === 401 || status === 403;
    throw cannotRead(
      `the answer is ${status}${said}`,
      isRefused ? exitCode.credentials : exitCode.usage,
    );
  } catch (error) {
    if (error instanceof CommandError || isAbort(error, host.signal)) throw error;
    if (begun && !isCutOff(error)) throw cannotRead("the answer cannot be read");
    const reason = begun ? "reset" : readFailure(error, baseUrl).reason;
    const hints = connectionHints(reason, baseUrl, host.env);
    throw cannotRead([describeFailure(reason, baseUrl), ...hints].join("\n"));
  }
}
