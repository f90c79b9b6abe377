import { spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { createTestHarness } from "wrangler";
import { version } from "../../mod.ts";
import { serve, type Server } from "../../src/adapters/mod.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { gatewayTokens, token } from "../fixtures/gateway.ts";
import { daysAgoIn, presentIn } from "../fixtures/seed-batches.ts";
import { apiKey } from "../fixtures/stub.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { output } from "../package/installed.ts";

let sandbox: Sandbox;
let api: Server;
let variables: Readonly<Record<string, string>>;

beforeAll(async () => {
  api = await serve((request) => sandbox.fetch(request));
  variables = {
    ANTHROPIC_API_KEY: apiKey,
    ANTHROPIC_BASE_URL: api.url,
    NODE_OPTIONS: `--import=${pathToFileURL("scripts/npm-specifiers.ts").href}`,
    NO_PROXY: "127.0.0.1",
  };
});
afterAll(() => api.close());
beforeEach(() => {
  sandbox = createSandbox({ apiKeys: [apiKey] });
});

/** An ended batch, so many days old. */
const seed = (days = 0): string => sandbox.seed({ created_at: daysAgoIn(sandbox, days) }).id;

const pathOf = (file: string): string => resolve("examples", file);

/** The command after "Run:" in an example's first comment, for these ids and this sandbox. */
async function commandOf(file: string, ids: readonly string[] = []): Promise<string[]> {
  const [, line = ""] = /^\/\/ Run: (.+)$/m.exec(await readFile(pathOf(file), "utf8")) ?? [];
  return line.replaceAll("api.anthropic.com", new URL(api.url).host).split(" ")
    .flatMap((word) => word === file ? [pathOf(file)] : word === "msgbatch_…" ? [] : [word])
    .concat(ids);
}

/** Starts an example that does not end, waits for a line of its stdout, uses it and ends it. */
async function during(
  command: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
  pattern: RegExp,
  use: (found: string) => Promise<void> | void,
): Promise<void> {
  const [program = "", ...args] = command;
  const path = `${resolve("node_modules/.bin")}:${process.env["PATH"]}`;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env, PATH: path },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  try {
    let text = "";
    for await (const chunk of child.stdout) {
      const found = pattern.exec(text += chunk);
      if (found === null) continue;
      await use(found[1] ?? "");
      return;
    }
    throw new Error(`${program} has ended:\n${text}`);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

describe("examples/", () => {
  test("all are run here", async () => {
    const own = await readFile(import.meta.filename, "utf8");
    const files = (await readdir("examples")).filter((file) => file !== "tsconfig.json");
    expect(files.filter((file) => !own.includes(`"${file}"`))).toEqual([]);
  });

  test("bun-script.ts tells what became of each batch", async ({ directory }) => {
    const id = seed();
    const command = [...await commandOf("bun-script.ts"), id, "msgbatch_none"];
    await expect(output(directory, command, variables)).rejects.toThrow(
      new RegExp(`${id}: deleted \\(receipt\\)\nmsgbatch_none: .+ \\(ERR_NOT_FOUND\\)`),
    );
  });

  test("deno-url.ts deletes with the library of a URL", async ({ directory, at }) => {
    const id = seed();
    const base = `https://raw.githubusercontent.com/batchsweep/batchsweep/v${version}/`;
    const imports = { [base]: pathToFileURL(".").href + "/" };
    await writeFile(at("imports.json"), JSON.stringify({ imports }));
    const [deno = "", run = "", ...rest] = await commandOf("deno-url.ts", [id]);
    const command = [deno, run, `--import-map=${at("imports.json")}`, ...rest];
    expect(await output(directory, command, variables)).toContain(`${id}: receipt (req_`);
  });

  test("deno-cron.ts runs the policy", async ({ directory }) => {
    const [old, young] = [seed(40), seed()];
    const command = await commandOf("deno-cron.ts");
    await during(command, { cwd: directory, env: variables }, /"deleted":1/, () => {
      expect(presentIn(sandbox, [old, young])).toEqual([young]);
    });
  });

  test("bun-gateway.ts lets sdk-gateway.ts delete, and records it", async ({ directory, at }) => {
    const id = seed();
    const env = { ...variables, GATEWAY_TOKENS: await gatewayTokens(), PORT: "0" };
    const listening = /Listening on (\S+)/;
    await during(
      await commandOf("bun-gateway.ts"),
      { cwd: directory, env },
      listening,
      async (url) => {
        const caller = { NODE_OPTIONS: "", GATEWAY_URL: url, GATEWAY_TOKEN: token };
        const said = await output(directory, await commandOf("sdk-gateway.ts", [id]), caller);
        expect(JSON.parse(said)).toEqual({ id, type: "message_batch_deleted" });
      },
    );
    expect(await readFile(at("audit.jsonl"), "utf8")).toMatch(/"actor":"first".+\n.+"receipt"/);
  });

  test("export-and-record.ts saves, deletes and records", async ({ directory, at }) => {
    const [old, young] = [seed(8), seed()];
    const said = await output(directory, await commandOf("export-and-record.ts"), variables);
    expect(said).toMatch(/"deleted".+\n\d+:[0-9a-f]{64}\n$/);
    expect(await readdir(at("results"))).toEqual([`${old}.jsonl`]);
    expect(presentIn(sandbox, [old, young])).toEqual([young]);
  });

  test("lambda.ts deletes the batch of its event", async ({ directory }) => {
    const id = seed();
    const script = `
      import { handler } from "${pathToFileURL(pathOf("lambda.ts"))}";
      const context = { getRemainingTimeInMillis: () => 60_000 };
      console.log((await handler({ id: "${id}" }, context)).evidence);`;
    expect(await output(directory, ["node", "--eval", script], variables)).toBe("receipt\n");
    expect(sandbox.batch(id)).toBeUndefined();
  });

  test("vercel.ts purges for the cron job only", async ({ directory }) => {
    const [old, young] = [seed(40), seed()];
    const script = `
      import { GET } from "${pathToFileURL(pathOf("vercel.ts"))}";
      for (const secret of ["undefined", "secret"]) {
        const headers = { authorization: "Bearer " + secret };
        const response = await GET(new Request("http://localhost/api/sweep", { headers }));
        console.log(response.status, await response.text());
        process.env.CRON_SECRET = "secret";
      }`;
    const said = await output(directory, ["node", "--eval", script], variables);
    expect(said).toMatch(/^401 \n200 \{.*"deleted":1/);
    expect(presentIn(sandbox, [old, young])).toEqual([young]);
  });

  test("the Workers run in workerd, configured as they say", async ({ directory, at }) => {
    for (const file of ["worker-pipeline.ts", "worker-retention.ts"]) {
      const [, lines = ""] = /wrangler\.toml:\n((?:\/\/ {3}.+\n)+)/
        .exec(await readFile(pathOf(file), "utf8")) ?? [];
      const config = lines.replace(/^\/\/ {3}/gm, "").replace(`"${file}"`, `'${pathOf(file)}'`);
      await writeFile(
        at(file.replace(".ts", ".toml")),
        `${config}compatibility_flags = ["no_nodejs_compat", "no_nodejs_compat_v2"]\n`,
      );
    }
    const workers = ["worker-retention", "worker-pipeline"].map((name) => ({
      configPath: `${directory}/${name}.toml`,
      vars: { ANTHROPIC_BASE_URL: api.url },
      secrets: { ANTHROPIC_API_KEY: apiKey },
    }));
    const harness = createTestHarness({ workers });
    try {
      await harness.listen();
      const ids = Array.from({ length: 11 }, (_, index) => seed(index === 0 ? 60 : index));
      await harness.getWorker("retention").scheduled({ cron: "17 * * * *" });
      expect(presentIn(sandbox, ids)).toEqual(ids.slice(1));

      const running = sandbox.seed({ processing_status: "in_progress" }).id;
      const pipeline = harness.getWorker<{ RESULTS: Bucket }>("pipeline");
      await pipeline.scheduled({ cron: "*/10 * * * *" });
      expect(presentIn(sandbox, [...ids, running])).toEqual([running]);
      const stored = await (await pipeline.getEnv()).RESULTS.list();
      expect(stored.objects.map(({ key }) => key).sort())
        .toEqual(ids.slice(1).map((id) => `${id}.jsonl`).sort());
    } finally {
      await harness.close();
    }
  });

  test("github-actions.yml plans, and applies the plan after the approval", async ({ at }) => {
    const workflow = await parseYaml<Workflow>(pathOf("github-actions.yml"));
    const [old, young] = [seed(40), seed()];
    await mkdir(at("bin"));
    const command = `exec node "${resolve("src/adapters/node.ts")}" "$@"`;
    const npx =
      `#!/bin/sh\n[ "$1 $2" = "--yes batchsweep@${version}" ] || exit 9\nshift 2\n${command}\n`;
    await writeFile(at("bin/npx"), npx, { mode: 0o755 });

    await runJob(workflow.jobs.plan, at, "plan");
    const late = seed(40);
    expect(presentIn(sandbox, [old, young, late])).toEqual([old, young, late]);
    expect(workflow.jobs.apply).toMatchObject({ needs: "plan", environment: expect.any(String) });
    await runJob(workflow.jobs.apply, at, "apply");
    expect(presentIn(sandbox, [old, young, late])).toEqual([young, late]);
    expect(await readFile(at("audit/audit.jsonl"), "utf8")).toContain(old);
  });
});

interface Bucket {
  list(): Promise<{ readonly objects: readonly { readonly key: string }[] }>;
}

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}

interface Job {
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly jobs: { readonly plan: Job; readonly apply: Job };
}

/** Reads a YAML file with Bun, which has a parser. */
async function parseYaml<Shape>(path: string): Promise<Shape> {
  const script =
    "console.log(JSON.stringify(Bun.YAML.parse(await Bun.file(process.argv[1]).text())))";
  return JSON.parse(await output(".", ["bun", "--eval", script, path]));
}

/** Runs a job as GitHub does: action.yml is read, and an artifact is a folder. */
async function runJob({ steps }: Job, at: (name: string) => string, name: string): Promise<void> {
  const action = await parseYaml<{ readonly runs: Job }>("action.yml");
  const folder = at(`${name}-job`);
  await mkdir(folder);
  for (const { uses = "", with: inputs = {}, env = {} } of steps) {
    const [used] = uses.split("@");
    const { name: artifact = "", path = "", args = "" } = inputs;
    if (used === "actions/upload-artifact") {
      await cp(`${folder}/${path}`, `${at(artifact)}/${path}`);
    } else if (used === "actions/download-artifact") {
      await cp(at(artifact), folder, { recursive: true });
    } else {
      expect(uses).toBe(`batchsweep/batchsweep@v${version}`);
      expect(env).toEqual({ ANTHROPIC_API_KEY: "${{ secrets.ANTHROPIC_API_KEY }}" });
      const step = action.runs.steps.find(({ run }) => run !== undefined);
      expect(step?.env).toEqual({ ARGS: "${{ inputs.args }}" });
      const bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step?.run ?? ""];
      const path = `${at("bin")}:${resolve("node_modules/.bin")}:${process.env["PATH"]}`;
      await output(folder, bash, { ...variables, PATH: path, ARGS: args });
    }
  }
}
