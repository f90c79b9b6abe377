import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Servers, serversVariable } from "../server/global-setup.ts";
import type { TestOutcome } from "./run-suites.ts";

const script = "node_modules/vitest/vitest.mjs";

/** How each runtime starts vitest: the pool is the one that works there. */
const commands = {
  node: ["node", script],
  deno: ["deno", "run", "-A", script, "--pool", "forks"],
  bun: ["bun", "--bun", script, "--pool", "threads"],
} as const;

/**
 * Runs a project of vitest.config.ts in a runtime, as a process of its own.
 *
 * @param runtime Where.
 * @param project Which.
 * @param servers Where the servers of the tests are.
 */
export async function runInVitest(
  runtime: keyof typeof commands,
  project: string,
  servers: Servers,
): Promise<readonly TestOutcome[]> {
  const folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  const report = join(folder, "report.json");
  const [command, ...before] = commands[runtime];
  const after = ["run", "--project", project, "--reporter", "json", "--outputFile", report];
  try {
    const child = spawn(command, [...before, ...after], {
      env: { ...process.env, [serversVariable]: JSON.stringify(servers), NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    const code = await new Promise((resolve) => child.on("close", resolve));
    const text = await readFile(report, "utf8").catch(() => {
      throw new Error(`Cannot run vitest under ${runtime} (exit code ${code}):\n${output}`);
    });
    return read(JSON.parse(text), code === 0);
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function read(report: Report, good: boolean): readonly TestOutcome[] {
  const outcomes = report.testResults.flatMap(({ name, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const tests = assertionResults.map(({ fullName, status, failureMessages }): TestOutcome => ({
      file,
      name: fullName,
      status: status === "passed" || status === "failed" ? status : "skipped",
      message: failureMessages.join("\n"),
    }));
    // A file can fail by itself: when it does not load, or in a hook.
    return message === "" ? tests : [failure(file, message), ...tests];
  });
  // So can the run: by an unhandled rejection.
  const seen = good || outcomes.some(({ status }) => status === "failed");
  return seen ? outcomes : [...outcomes, failure("", "An error outside the tests")];
}

function failure(file: string, message: string): TestOutcome {
  return { file, name: "(suite)", status: "failed", message };
}
