import type { VitestRunner } from "vitest/runtime";
import { startTests } from "vitest/internal/browser";
import { suites } from "virtual:suites";
import type { Servers } from "../server/global-setup.ts";

/** What became of one test. */
export interface TestOutcome {
  readonly file: string;
  readonly name: string;
  readonly status: "passed" | "failed" | "skipped";
  readonly message: string;
}

/** As much of a vitest task as is read here. */
interface Task {
  readonly type: "suite" | "test";
  readonly name: string;
  readonly mode: string;
  readonly tasks?: readonly Task[];
  readonly result?: { readonly state: string; readonly errors?: readonly { message: string }[] };
}

/**
 * Runs suites with vitest's runner.
 *
 * @param files Which, by their paths in the repository.
 * @param servers Where the servers of the tests are; `inject()` gives them to the tests.
 */
export async function runSuites(
  files: readonly string[],
  servers: Servers,
): Promise<readonly TestOutcome[]> {
  await import("../loopback-only.ts"); // a bundler drops an import that is there for its effect alone
  const config = {
    root: "/",
    setupFiles: [],
    sequence: { hooks: "stack", setupFiles: "list", concurrent: false, shuffle: false, seed: 1 },
    testTimeout: 30_000, // as in vitest.config.ts
    hookTimeout: 30_000,
    maxConcurrency: 1,
    retry: 0,
    chaiConfig: {},
    expect: {},
    snapshotOptions: {},
    tags: [],
  };
  Object.assign(globalThis, {
    __vitest_worker__: {
      config,
      ctx: {},
      rpc: {},
      durations: {},
      environment: { name: "workerd" },
      providedContext: servers,
      metaEnv: {},
      evaluatedModules: new Map(),
      resolvingModules: new Set(),
      moduleExecutionInfo: new Map(),
      onCancel: () => {},
      onCleanup: () => {},
    },
  });
  const outcomes: TestOutcome[] = [];
  let current = "";
  addEventListener("unhandledrejection", ({ reason }) => {
    const message = reason instanceof Error ? reason.stack ?? reason.message : String(reason);
    outcomes.push({ file: current, name: "(unhandled rejection)", status: "failed", message });
  });
  for (const file of files) {
    current = file;
    // As much of a runner as vitest's own asks for without a browser or a Node process around it.
    const runner = { config, pool: "workerd", importFile: () => suites[file]?.() };
    const specification = { filepath: file, testLocations: undefined };
    const [result] = await startTests([specification], runner as unknown as VitestRunner);
    outcomes.push(...flatten(file, result as Task, []));
  }
  return outcomes;
}

function flatten(file: string, task: Task, path: readonly string[]): TestOutcome[] {
  const message = (task.result?.errors ?? []).map((error) => error.message).join("\n");
  if (task.type === "test") {
    const state = task.result?.state;
    const status = task.mode === "skip" || task.mode === "todo" || state === "skip"
      ? "skipped"
      : state === "pass"
      ? "passed"
      : "failed";
    return [{ file, name: [...path, task.name].join(" "), status, message }];
  }
  const below = (task.tasks ?? []).flatMap((child) =>
    flatten(file, child, path.length === 0 && task.name === file ? [] : [...path, task.name])
  );
  // A file or a suite can fail by itself: when it does not load, or in a hook.
  return message === "" ? below : [{ file, name: "(suite)", status: "failed", message }, ...below];
}
