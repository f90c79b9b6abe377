import { symlinkSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { output } from "../package/installed.ts";
import { blocksOf, pages } from "./pages.ts";

/** A sample without the network: what it imports by URL is in this clone. */
const local = (code: string) => code.replace(/"https:[^"]+\/mod\.ts"/g, '"batchsweep"');

let folder: string;
const samples = new Map(
  [...pages.keys()].flatMap((page) =>
    blocksOf(page).filter(({ language }) => language === "ts")
      .map(({ code }, index) => [`${basename(page, ".md")}-${index + 1}.ts`, local(code)] as const)
  ),
);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const tsconfig = {
    extends: resolve("tsconfig.json"),
    compilerOptions: { types: ["node"], isolatedDeclarations: false, noUnusedLocals: false },
    include: ["*.ts"],
  };
  const files = [
    ...samples,
    ["tsconfig.json", JSON.stringify(tsconfig)],
    ["package.json", `{"type":"module"}`],
  ] as const;
  await Promise.all(files.map(([file, text]) => writeFile(join(folder, file), text)));
});
afterAll(() => rm(folder, { recursive: true }));

test("every TypeScript sample of the documentation compiles", { timeout: 60_000 }, async () => {
  expect(samples.size).toBeGreaterThan(5);
  expect(await output(folder, ["tsc", "-p", "."])).toBe("");
});

const runtimes = {
  Node: ["node", "--import", resolve("scripts/npm-specifiers.ts")],
  Deno: ["deno", "run", "--no-prompt", "-A", "--config", resolve("deno.json")],
  Bun: ["bun", "--no-install"],
};

test.for(Object.entries(runtimes))(
  "every TypeScript sample runs in %s as it stands",
  { timeout: 60_000 },
  async ([name, command]) => {
    const files = [...samples.keys()].map((file) => join(folder, file));
    await mkdir(join(folder, name)); // for what they write
    const text = await output(join(folder, name), [
      ...command,
      resolve("test/docs/run-samples.ts"),
      ...files,
    ], {
      ANTHROPIC_API_KEY: "sk-ant-api03-sample",
      AUDIT: "off",
      RETENTION_POLICY: '{"version":1,"rules":[{"type":"keep_last","count":9}],"holds":[]}',
    });
    expect(text.match(/^ran .+$/gm)).toEqual(files.map((file) => `ran ${file}`));
  },
);
