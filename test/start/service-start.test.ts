import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { key, type Running, start } from "../cli/runtimes.ts";
import { retentionPolicy, seedForRetention } from "../fixtures/retention.ts";
import { secret } from "../fixtures/webhook.ts";
import {
  type Differences,
  serviceCommand,
  type ServiceRuntime,
  serviceRuntimes,
} from "./service-command.ts";

type Environment = Readonly<Record<string, string>>;

const sandbox = createSandbox({ apiKeys: [key] });
let upstream: Server;
let folder = "";
beforeAll(async () => {
  upstream = await serve(sandbox.fetch);
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  execFileSync("mkfifo", [join(folder, "pipe")]);
  await writeFile(join(folder, "table.csv"), "id,name\n1,first\n2,second\n");
  seedForRetention(sandbox, 3);
});
afterAll(async () => {
  await upstream.close();
  await rm(folder, { recursive: true });
});

/** Starts a service that could run, but for what is wrong. `FOLDER` is a folder of the test. */
async function startWith(
  runtime: ServiceRuntime,
  wrong: Environment,
  { deno = [`--allow-read=${folder}`, `--allow-write=${folder}`], ...rest }: Differences = {},
): Promise<Running> {
  const inFolder = ([name, text]: [string, string]) => [name, text.replace("FOLDER", folder)];
  return start(await serviceCommand(runtime, { deno, ...rest }), {
    env: {
      NO_COLOR: "1",
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_BASE_URL: upstream.url,
      WEBHOOK_SECRETS: secret,
      RETENTION_POLICY: retentionPolicy,
      PORT: "0",
      ...Object.fromEntries(
        Object.entries({ DATABASE: "FOLDER/service.sqlite", ...wrong }).map(inFolder),
      ),
    },
  });
}

/** Waits for the end of a process that is refused: it says so in one line, and does nothing else. */
async function expectRefusal({ child, until, ended }: Running, line: string): Promise<void> {
  until("stdout", /^Listening/).then(() => child.kill(), () => {}); // it should have ended
  expect(await ended).toEqual({ code: 2, stdout: "", stderr: `${line}\n` });
  expect(sandbox.requests).toEqual([]);
}

const noPort = "Cannot use PORT: it is not a whole number from 0 to 65535";
const noCron = 'Cannot use RETENTION_SCHEDULE: it is not a cron expression such as "17 3 * * *"';

type Refusal = [what: string, wrong: Environment, line: string];
const withoutPolicy = (name: string): Refusal => [
  `a RETENTION_${name} and no policy`,
  { [`RETENTION_${name}`]: "1", RETENTION_POLICY: " " },
  `Cannot use RETENTION_${name}: RETENTION_POLICY is not set`,
];

const refusals: readonly Refusal[] = [
  [
    "a DATABASE that is a directory",
    { DATABASE: "FOLDER" },
    "Cannot use DATABASE: it is a directory",
  ],
  [
    "a DATABASE in no directory",
    { DATABASE: "FOLDER/missing/service.sqlite" },
    "Cannot use DATABASE: there is no such file or directory",
  ],
  [
    "a DATABASE that is a pipe",
    { DATABASE: "FOLDER/pipe" },
    "Cannot use DATABASE: it is no regular file",
  ],
  [
    "a DATABASE that is a table",
    { DATABASE: "FOLDER/table.csv" },
    "Cannot use DATABASE: file is not a database",
  ],
  [
    "an AUDIT that says neither",
    { AUDIT: "none" },
    'Cannot use AUDIT: it is neither "on" nor "off"',
  ],
  [
    "a policy in quotes",
    { RETENTION_POLICY: `'${retentionPolicy}'` },
    "Cannot use RETENTION_POLICY: it is in quotes: leave them out",
  ],
  [
    "a key with its scheme",
    { ANTHROPIC_API_KEY: "Bearer SENTINEL" },
    'Cannot use ANTHROPIC_API_KEY: it begins with "Bearer": set the key alone',
  ],
  ["a PORT that is a name", { PORT: "http" }, noPort],
  ["a PORT with an exponent", { PORT: "1e3" }, noPort],
  ["a PORT that is too large", { PORT: "65536" }, noPort],
  [
    "a HOST of another machine",
    { HOST: "192.0.2.1" },
    "Cannot listen on 192.0.2.1:0: this machine has no such address",
  ],
  ["a RETENTION_SCHEDULE in words", { RETENTION_SCHEDULE: "daily\nat three" }, noCron],
  [
    "a RETENTION_SCHEDULE that never comes",
    { RETENTION_SCHEDULE: "0 0 30 2 *" },
    "Cannot use RETENTION_SCHEDULE: it is never due",
  ],
  ...["SCHEDULE", "REQUESTS", "MAX_SHARE", "OVERDUE_AFTER"].map(withoutPolicy),
  [
    "a RETENTION_POLICY without rules",
    { RETENTION_POLICY: "{}" },
    "Cannot use RETENTION_POLICY: version is missing; rules is missing; holds is missing",
  ],
  [
    "a RETENTION_MAX_SHARE that is none",
    { RETENTION_MAX_SHARE: "half" },
    'Cannot use RETENTION_MAX_SHARE: it is not a share such as "50%"',
  ],
  [
    "no key",
    { ANTHROPIC_API_KEY: " " },
    "Cannot use ANTHROPIC_API_KEY: neither it nor ANTHROPIC_AUTH_TOKEN is set",
  ],
  [
    "a base URL with a password",
    { ANTHROPIC_BASE_URL: "https://user:SENTINEL@127.0.0.1" },
    "Cannot use ANTHROPIC_BASE_URL: it holds credentials",
  ],
  [
    "no way in and no policy",
    { WEBHOOK_SECRETS: "", RETENTION_POLICY: "" },
    "Cannot use WEBHOOK_SECRETS: it is not set, and neither is GATEWAY_TOKENS or RETENTION_POLICY",
  ],
  [
    "a webhook secret that is none",
    { WEBHOOK_SECRETS: "whsec_SENTINEL" },
    "Cannot use WEBHOOK_SECRETS: a secret is not whsec_ and the base64 of 24 bytes or more",
  ],
  [
    "tokens that are none",
    { GATEWAY_TOKENS: "SENTINEL" },
    'Cannot use GATEWAY_TOKENS: it is not a JSON list of {"name","sha256"}, the sha256 in hexadecimal',
  ],
];

describe.each(serviceRuntimes)("the service under %s", (runtime) => {
  test.each(refusals)("does not start with %s", async (_, wrong, line) => {
    await expectRefusal(await startWith(runtime, wrong), line);
  });

  test("does not start on a PORT that is taken", async () => {
    const running = await startWith(runtime, { PORT: String(upstream.port) });
    await expectRefusal(
      running,
      `Cannot listen on 127.0.0.1:${upstream.port}: the port is taken`,
    );
  });

  test("makes no file where something else cannot be used", async () => {
    await (await startWith(runtime, { DATABASE: "FOLDER/none.sqlite", PORT: "1e3" })).ended;
    expect(await readdir(folder)).not.toContain("none.sqlite");
  });

  test("goes on where stdout is full, and says it on stderr", async () => {
    const command = await serviceCommand(runtime);
    const full = ["sh", "-c", 'exec "$@" > /dev/full', "sh", ...command];
    const { child, until, ended } = start(full, {
      env: {
        NO_COLOR: "1",
        ANTHROPIC_API_KEY: key,
        RETENTION_POLICY: retentionPolicy,
        AUDIT: "off",
        PORT: "0",
      },
    });
    const [line, origin = ""] = await until("stderr", /^Listening on (\S+) .*\n/);
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    child.kill();
    expect(await ended).toMatchObject({ stdout: "", stderr: line });
  });

  test("says where it listens, and needs a policy alone", async () => {
    const running = await startWith(runtime, { HOST: "localhost", WEBHOOK_SECRETS: "" });
    const [line, origin = ""] = await running.until("stdout", /^Listening on (\S+) .*\n/);
    expect(origin).toMatch(/^http:\/\/localhost:\d+$/);
    const database = `${folder}/service.sqlite`;
    expect(line).toContain(`(/healthz, retention at 17 3 * * *, audit trail in ${database})`);
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    running.child.kill();
    expect(await running.ended).toMatchObject({ stdout: line, stderr: "" });
  });
});

describe("the service under Deno", () => {
  const denied = (flag: string) =>
    `Cannot use DATABASE: this process has no permission for it (${flag}); its folder needs it, too`;
  const unreadable = (name: string) =>
    `Cannot use ${name}: this process may not read it: permit --allow-env=${name}`;
  const hidden = (name: string): [string, () => Differences, string] => [
    `permission to read ${name}`,
    () => ({ deno: [`--deny-env=${name}`] }),
    unreadable(name),
  ];

  test.each<[what: string, differences: (folder: string) => Differences, line: string]>([
    ["permission to read the DATABASE", () => ({ deno: [] }), denied("--allow-read")],
    [
      "permission to write the DATABASE",
      (folder) => ({ deno: [`--allow-read=${folder}`] }),
      denied("--allow-write"),
    ],
    [
      "permission to listen",
      (folder) => ({
        deno: ["--deny-net=127.0.0.1:0", `--allow-read=${folder}`, `--allow-write=${folder}`],
      }),
      "Cannot listen on 127.0.0.1:0: this process has no permission for it (--allow-net)",
    ],
    ...["RETENTION_POLICY", "RETENTION_MAX_SHARE", "ANTHROPIC_BASE_URL", "DATABASE"].map(hidden),
  ])("does not start without %s", async (_, differences, line) => {
    await expectRefusal(await startWith("Deno", {}, differences(folder)), line);
  });

  test("does not start without permission to ask the API", async () => {
    const { host } = new URL(upstream.url);
    const line = `Cannot use ${host}: this process has no permission for it (--allow-net)`;
    await expectRefusal(await startWith("Deno", {}, { deno: [`--deny-net=${host}`] }), line);
  });
});
