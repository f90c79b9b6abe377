import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { version } from "../../mod.ts";
import { exampleRuntimes, runNodeExample } from "../fixtures/node-example.ts";
import { apiKey } from "../fixtures/stub.ts";
import { addConsumer, type Installed, output, packAndInstall } from "./installed.ts";
import { runWorker } from "./run-worker.ts";

const sandbox = createSandbox({ apiKeys: [apiKey] });
let api: Server;
let installed: Installed;

beforeAll(async () => {
  api = await serve(sandbox.fetch);
  installed = await packAndInstall();
  const { project, alone } = installed;
  await Promise.all([
    ...["delete.ts", "worker.ts", "types.ts"].map((file) => addConsumer(project, file)),
    ...["delete.ts", "worker.ts"].map((file) => addConsumer(alone, file, "./mod.js")),
  ]);
}, 120_000);
afterAll(async () => {
  await Promise.all([api.close(), installed[Symbol.asyncDispose]()]);
});

/** Seeds a batch, lets it be deleted, and looks whether it is gone. */
async function expectDeletion(byDeleting: (id: string) => Promise<string>): Promise<void> {
  const { id } = sandbox.seed({ processing_status: "ended" });
  expect(JSON.parse(await byDeleting(id))).toMatchObject({ id, evidence: "receipt" });
  expect(sandbox.batch(id)).toBeUndefined();
}

/** How each runtime runs a script: with what is installed, and with nothing else to be had. */
const runtimes = {
  Node: () => ["node"],
  Bun: () => ["bun", "--no-install"],
  Deno: () => ["deno", "run", "--no-prompt", "--no-remote", `--allow-net=${new URL(api.url).host}`],
};

describe("the package, installed from its tarball,", () => {
  test.for(Object.entries(runtimes))("deletes a batch in %s", async ([, command]) => {
    const { project } = installed;
    await expectDeletion((id) => output(project, [...command(), "delete.ts", api.url, apiKey, id]));
  });

  test.for(Object.entries(exampleRuntimes))(
    "lets a script record, export and delete in %s",
    async ([runtime, command]) => {
      const more = runtime === "Deno" ? ["--check"] : [];
      await runNodeExample(join(installed.project, `node-${runtime}`), [...command, ...more]);
    },
  );

  test("deletes a batch in a Worker without Node compatibility", async () => {
    const variables = { API: api.url, KEY: apiKey };
    await expectDeletion((id) => runWorker(installed.project, id, variables));
  });

  test.for([
    ["nodenext", "DOM"],
    ["bundler", "WebWorker"],
  ])("has types for %s with %s, all libraries checked", async ([moduleResolution, lib]) => {
    const compilerOptions = {
      module: moduleResolution === "bundler" ? "esnext" : moduleResolution,
      moduleResolution,
      lib: ["ES2022", lib],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    };
    const file = `tsconfig.${moduleResolution}.${lib}.json`;
    const config = JSON.stringify({ compilerOptions, files: ["types.ts", "mod-js.ts"] });
    await writeFile(
      join(installed.project, "mod-js.ts"),
      `import * as one from "batchsweep/mod.js";
       import * as library from "batchsweep";
       export const same: typeof library = one;`,
    );
    await writeFile(join(installed.project, file), config);
    expect(await output(installed.project, ["tsc", "-p", file])).toBe("");
  });

  test("exports what the source does, and nothing else", async () => {
    const { imports } = JSON.parse(await readFile("deno.json", "utf8"));
    const faces = { ...imports, "batchsweep/mod.js": "./mod.ts" };
    const script = `for (const name of ${JSON.stringify(Object.keys(faces))}) {
      console.log(name, Object.keys(await import(name)).join());
    }
    await import("batchsweep/dist/lib/mod.js").catch(({ code }) => console.log(code));`;
    const expected = Object.entries<string>(faces).map(async ([name, file]) => {
      const face = await import(resolve(file));
      return `${name} ${Object.keys(face).sort().join()}`;
    });
    const lines = await output(installed.project, ["node", "--eval", script]);
    expect(lines.trim().split("\n"))
      .toEqual([...await Promise.all(expected), "ERR_PACKAGE_PATH_NOT_EXPORTED"]);
  });

  test.for<[string, number]>([
    ["version", 120],
    ["deleteMessageBatch", 13_000],
  ])("lets a bundler drop what is not used: %s", async ([name, most]) => {
    const { outputFiles } = await build({
      stdin: {
        contents: `export { ${name} } from "batchsweep"`,
        resolveDir: installed.project,
      },
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
    });
    expect(outputFiles[0]?.text).toContain(name);
    expect(gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).byteLength).toBeLessThan(most);
  });

  test("has the command", async () => {
    const npx = ["npx", "--no", "--", "batchsweep"];
    expect(await output(installed.project, [...npx, "--version"])).toBe(`${version}\n`);
    const variables = { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: api.url };
    await expectDeletion((id) =>
      output(installed.project, [...npx, "delete", "--json", id], variables)
    );
  });

  test("has the service", async () => {
    const npx = ["npx", "--no", "--", "batchsweep-service"];
    await expect(output(installed.project, npx, { ANTHROPIC_API_KEY: apiKey }))
      .rejects.toThrow("Cannot use WEBHOOK_SECRETS: it is not set");
  });
});

describe("mod.js, alone in a folder,", () => {
  test.for(Object.entries(runtimes))("deletes a batch in %s", async ([name, command]) => {
    const more = name === "Deno" ? ["--no-npm"] : [];
    await expectDeletion((id) =>
      output(installed.alone, [...command(), ...more, "delete.ts", api.url, apiKey, id])
    );
  });

  test("deletes a batch in a Worker, as a module beside it", async () => {
    const variables = { API: api.url, KEY: apiKey };
    await expectDeletion((id) => runWorker(installed.alone, id, variables, "mod.js"));
  });

  test("has its types beside it, all libraries checked", async () => {
    const options = ["--strict", "--module", "nodenext", "--lib", "es2022,webworker"];
    const command = ["tsc", "--noEmit", ...options, "--types", "", "worker.ts"];
    expect(await output(installed.alone, command)).toBe("");
  });

  test("holds the licenses of what it holds", () => {
    const notices = installed.files.get("dist/mod.js")?.match(/^\/\*!\n.+\n[^]+?\*\/$/gm) ?? [];
    expect(notices.map((notice) => notice.split("\n")[1]?.split(" ")[0])).toEqual([
      "batchsweep",
      "ky",
      "@noble/hashes",
      "valibot",
    ]);
    for (const notice of notices) expect(notice).toMatch(/Copyright[^]+without warranty of any/i);
  });
});

describe("the tarball", () => {
  test("holds the build, what npm asks for, and nothing else", () => {
    const kinds = {
      manifest: /^package\.json$/,
      unit: /^deploy\/batchsweep\.service$/,
      command: /^bin\/batchsweep(-service)?\.js$/,
      text: /^(README\.md|LICENSE)$/,
      modJs: /^dist\/mod\.(js|d\.ts)$/,
      module: /^dist\/lib\/(mod|src\/[a-z0-9/-]+)\.js$/,
      map: /^dist\/lib\/(mod|src\/[a-z0-9/-]+)\.js\.map$/,
      types: /^dist\/lib\/(mod|src\/(?!cli\/)[a-z0-9/-]+)\.d\.ts$/,
      typesOfFiles: /^dist\/lib\/src\/cli\/[a-z-]+\.d\.ts$/, // adapters/files.ts
    };
    const kindOf = (file: string) =>
      Object.entries(kinds).find(([, pattern]) => pattern.test(file))?.[0] ?? file;
    const count = Object.groupBy(installed.files.keys(), kindOf);
    expect(Object.keys(count).sort()).toEqual(Object.keys(kinds).sort());
    expect(count["text"]).toHaveLength(2);
    expect(count["modJs"]).toHaveLength(2);
    expect(count["module"]?.length).toBeGreaterThan(30);
    expect(count["types"]?.length).toBeGreaterThan(20);
  });

  test("holds what the container and the unit of deploy/ run", async () => {
    const [image, unit] = await Promise.all(
      ["deploy/Dockerfile", "deploy/batchsweep.service"].map((file) => readFile(file, "utf8")),
    );
    const copied = [...image?.matchAll(/COPY --from=build \/app\/(\S+)/g) ?? []].map(([, path]) =>
      path
    );
    const folders = [...installed.files.keys()].map((file) => file.split("/")[0])
      .filter((name) => !["README.md", "LICENSE", "deploy"].includes(name ?? ""));
    expect(copied.sort()).toEqual([...new Set([...folders, "node_modules"])].sort());
    const [, command = ""] = /^CMD \["node", "(.+)"\]$/m.exec(image ?? "") ?? [];
    const [, program = ""] = /^ExecStart=.+ \/opt\/\S+\/batchsweep\/(\S+)$/m.exec(unit ?? "") ?? [];
    expect([command, program].map((file) => installed.files.has(file))).toEqual([true, true]);
  });

  test("has maps that hold the source", async () => {
    const map = JSON.parse(installed.files.get("dist/lib/src/core/delete.js.map") ?? "{}");
    expect(map.sourcesContent).toEqual([await readFile("src/core/delete.ts", "utf8")]);
  });

  test("says nothing of the machine that it was made on, and imports nothing by npm:", () => {
    const telling = [...installed.files].filter(([file, text]) =>
      text.includes(process.cwd()) || /_authToken/.test(text) ||
      (file.startsWith("dist/") && /\b(from|import\() ?"(npm:|[^"]+\.ts")/.test(text))
    );
    expect(telling.map(([file]) => file)).toEqual([]);
  });
});
