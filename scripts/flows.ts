/**
 * `npm run flows`: how much of the source three flows run through, and how much source there is.
 *
 * Each flow runs in a process of its own under V8's coverage, against a sandbox in this process: so
 * the sandbox does not count. `--root DIR` measures another checkout, with its own `node_modules`.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { serve } from "../src/adapters/serve.ts";
import { createSandbox } from "../src/sandbox/mod.ts";
import { sourceSizes } from "./flows/source-size.ts";

const { values } = parseArgs({ options: { root: { type: "string" } } });
const checkout = resolve(import.meta.dirname, "..");
const root = resolve(values.root ?? checkout);

/** A flow: what a process runs, and what it is to have deleted in the end. */
interface Flow {
  readonly name: string;
  /** How many of the batches that are old enough the sandbox has. */
  readonly batches: number;
  command(ids: readonly string[], directory: string): Command;
}

interface Command {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** The first of these files that the checkout has. */
function face(...files: readonly string[]): string {
  const found = files.map((file) => join(root, file)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`Cannot measure ${root}: it has no ${files.join(", ")}`);
  return found;
}

const serviceProcess = (): readonly string[] => [
  join(checkout, "scripts/flows/service-process.ts"),
  pathToFileURL(root).href,
];

const flows: readonly Flow[] = [
  {
    name: "webhook, 1 batch",
    batches: 1,
    command([id]) {
      const key = Buffer.from("a-secret-of-24-bytes-aaa");
      const body = JSON.stringify({ type: "message_batch.delete", data: { id } });
      const timestamp = Math.floor(Date.now() / 1000);
      const signed = createHmac("sha256", key).update(`msg_1.${timestamp}.${body}`);
      const headers = {
        "content-type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": String(timestamp),
        "webhook-signature": `v1,${signed.digest("base64")}`,
      };
      return {
        args: serviceProcess(),
        env: { WEBHOOK_SECRETS: `whsec_${key.toString("base64")}` },
        input: JSON.stringify({ method: "POST", headers, body }),
      };
    },
  },
  {
    name: "purge --audit, 3 batches",
    batches: 3,
    command: (_, directory) => ({
      args: [
        face("src/adapters/node.ts"),
        ...["purge", "--older-than", "30d", "--yes", "--audit", join(directory, "audit.jsonl")],
      ],
    }),
  },
  {
    name: "retention run, 3 batches",
    batches: 3,
    command: () => ({
      args: serviceProcess(),
      env: {
        RETENTION_POLICY: JSON.stringify({
          version: 1,
          rules: [{ type: "delete_after", days: 30, since: "ended" }],
          holds: [],
        }),
      },
    }),
  },
];

/** What a flow ran of the source. */
interface Coverage {
  /** Files that were loaded. */
  readonly loaded: number;
  /** Files of which a function ran. */
  readonly files: number;
  /** Functions that ran, without the top level of modules. */
  readonly functions: number;
}

async function measure({ name, batches, command }: Flow): Promise<Coverage> {
  const directory = await mkdtemp(join(tmpdir(), "flows-"));
  const sandbox = createSandbox();
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
  const ids = Array.from({ length: batches }, (_, index) => {
    const time = daysAgo(40 + index);
    return sandbox.seed({ created_at: time, ended_at: time }).id;
  });
  sandbox.seed({ created_at: daysAgo(1), ended_at: daysAgo(1) });
  const server = await serve(sandbox.fetch);
  try {
    const { args, env, input = "" } = command(ids, directory);
    const coverage = join(directory, "coverage");
    const child = spawn(
      process.execPath,
      ["--import", join(root, "scripts/npm-specifiers.ts"), ...args],
      {
        cwd: root,
        env: {
          ANTHROPIC_API_KEY: "sk-ant-api03-flows",
          ANTHROPIC_BASE_URL: server.url,
          NODE_V8_COVERAGE: coverage,
          ...env,
        },
      },
    );
    child.stdin.end(input);
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise((done) => child.once("close", done)),
    ]);
    const left = ids.filter((id) => sandbox.batch(id) !== undefined);
    if (code !== 0 || left.length > 0 || sandbox.size !== 1) {
      throw new Error(`The flow "${name}" did not delete what it should:\n${stdout}${stderr}`);
    }
    return await readCoverage(coverage);
  } finally {
    await server.close();
    await rm(directory, { recursive: true });
  }
}

/** A file of V8's coverage. */
interface CoverageFile {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}

async function readCoverage(directory: string): Promise<Coverage> {
  const isOurs = (url: string) =>
    [`${pathToFileURL(root)}/src/`, `${pathToFileURL(root)}/mod.ts`].some((ours) =>
      url.startsWith(ours)
    );
  let [loaded, files, functions] = [0, 0, 0];
  for (const name of await readdir(directory)) {
    const { result }: CoverageFile = JSON.parse(await readFile(join(directory, name), "utf8"));
    for (const script of result.filter(({ url }) => isOurs(url))) {
      const [, ...inside] = script.functions; // the first is the module
      const ran = inside.filter(({ ranges }) => ranges.some(({ count }) => count > 0)).length;
      loaded += 1;
      files += ran > 0 ? 1 : 0;
      functions += ran;
    }
  }
  return { loaded, files, functions };
}

function print(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const [first = 0, ...rest] = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column]).length))
  );
  for (const row of [titles, ...rows]) {
    const [name, ...numbers] = row.map(String);
    const cells = numbers.map((number, column) => number.padStart(rest[column] ?? 0));
    console.log([name?.padEnd(first), ...cells].join("  "));
  }
}

const measured: (string | number)[][] = [];
for (const flow of flows) {
  const { loaded, files, functions } = await measure(flow);
  measured.push([flow.name, files, functions, loaded]);
}
print(["flow", "files run", "functions run", "files loaded"], measured);
console.log();
print(
  ["source", "files", "lines", "code"],
  [...sourceSizes(root)].map(([name, { files, lines, code }]) => [name, files, lines, code]),
);
