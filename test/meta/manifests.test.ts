import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { version } from "../../mod.ts";

const packageJson = JSON.parse(readFileSync("package.json", "utf8"));
const denoJson = JSON.parse(readFileSync("deno.json", "utf8"));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));

describe("the manifests", () => {
  test("agree on the version", () => {
    expect(packageJson.version).toBe(version);
    expect(denoJson.version).toBe(version);
  });

  test("have the same entry points, and types for each", () => {
    const entries = Object.entries<string>(denoJson.exports);
    const modules = entries.map(([name, file]) => [name, file.replace(/^\.\/|\.ts$/g, "")]);
    const built = Object.entries<{ readonly types: string; readonly default: string }>(
      packageJson.exports,
    ).filter(([name]) => !["./mod.js", "./package.json"].includes(name));
    for (const kind of ["types", "default"] as const) {
      const end = kind === "types" ? ".d.ts" : ".js";
      expect(built.map(([name, files]) => [name, files[kind]]).sort())
        .toEqual(modules.map(([name, module]) => [name, `./dist/lib/${module}${end}`]).sort());
    }
    const { files } = JSON.parse(
      readFileSync("tsconfig.build.json", "utf8").replace(/^ *\/\/.*$/gm, ""),
    );
    expect(files.sort()).toEqual(modules.map(([, module]) => `${module}.ts`).sort());
    const imports = entries.map(([name, file]) => [`batchsweep${name.slice(1)}`, file]);
    expect(denoJson.imports).toEqual(Object.fromEntries(imports));
  });

  test("ask for what the deps.ts files pin, or newer, and lock just that", () => {
    const pinned = ["src/deps.ts", "src/service/deps.ts", "src/cli/deps.ts"].flatMap((
      file,
    ) => [...readFileSync(file, "utf8").matchAll(/"npm:(@?[^@"]+)@([^/"]+)[^"]*"/g)]);
    expect(Object.fromEntries(pinned.map(([, name, exact]) => [name, `^${exact}`])))
      .toEqual(packageJson.dependencies);
    expect(
      pinned.filter(([, name, exact]) => lock.packages[`node_modules/${name}`].version !== exact),
    ).toEqual([]);
  });

  test("lock what package.json asks for", () => {
    const { name, version, license, dependencies, devDependencies, bin, engines } = packageJson;
    expect(lock.packages[""])
      .toEqual({ name, version, license, dependencies, devDependencies, bin, engines });
  });

  test("name no registry in the lock file, whose host differs between machines", () => {
    expect(Object.keys(lock.packages).length).toBeGreaterThan(50);
    expect(JSON.stringify(lock)).not.toMatch(/"resolved"|https?:[^"]*\.tgz/);
  });
});
