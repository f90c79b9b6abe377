import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect } from "vitest";
import * as face from "../../src/adapters/mod.ts";
import { exampleRuntimes, runNodeExample } from "../fixtures/node-example.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";

const root = process.cwd();
const specifiers = Object.fromEntries(
  Object.entries({
    "batchsweep": "mod.ts",
    "batchsweep/audit": "src/audit/mod.ts",
    "batchsweep/node": "src/adapters/mod.ts",
    "batchsweep/sandbox": "src/sandbox/mod.ts",
  }).map(([specifier, file]) => [specifier, pathToFileURL(join(root, file)).href]),
);
const commands = {
  Node: [...exampleRuntimes.Node, "--import", join(root, "scripts/npm-specifiers.ts")],
  Deno: [...exampleRuntimes.Deno, "--config", join(root, "deno.json")],
  Bun: exampleRuntimes.Bun,
};

describe("src/adapters/mod.ts", () => {
  for (const [runtime, command] of Object.entries(commands)) {
    test(`lets a script record, export and delete under ${runtime}`, async ({ at }) => {
      await runNodeExample(at("script"), command, specifiers);
    });
  }

  test("exports this and nothing else", () => {
    expect(Object.keys(face).sort()).toEqual([
      "openAppendFile",
      "openResultFolder",
      "readFileBytes",
      "serve",
    ]);
  });
});
