import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * The import table of .github/ARCHITECTURE.md: what each place may import, beside itself.
 *
 * @see ../../.github/ARCHITECTURE.md
 */
const layers = ["core", "resources", "purge", "retention", "service", "cli", "adapters"];
const library = ["mod.ts", "core", "resources", "purge", "retention", "audit"];

function mayImport(from: string): readonly string[] {
  if (from === "mod.ts") return ["version.ts", ...library];
  if (from === "deps.ts" || from === "version.ts" || from === "sandbox") return [];
  if (from === "audit") return ["deps.ts", "core"];
  const before = layers.slice(0, layers.indexOf(from));
  const after = from === "core" ? [] : ["audit"];
  const sandbox = from === "cli" ? ["sandbox"] : [];
  return ["deps.ts", "version.ts", ...before, ...after, ...sandbox];
}

/** The place a file belongs to: a folder of src, or a file at its top. */
const placeOf = (file: string) => file === "mod.ts" ? file : file.split("/")[1] ?? "";

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const files = ["mod.ts", ...globSync("src/**/*.ts")].filter((file) => !file.endsWith(".d.ts"));
const code = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(?<![:"'])\/\/.*$/gm, "");

const imports = [...code].flatMap(([file, text]): Import[] => {
  const plain = withoutComments(text);
  const found = plain.matchAll(
    /(?:^|\n)\s*(import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|import\("([^"]+)"\)/g,
  );
  return [...found].map(([, , type, specifier, dynamic]) => ({
    file,
    specifier: specifier ?? dynamic ?? "",
    typeOnly: type !== undefined,
  }));
});

describe("the source", () => {
  test("is seen whole by these tests", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(imports.length).toBeGreaterThan(100);
    expect(imports).toContainEqual({
      file: "src/core/delete.ts",
      specifier: "./batches.ts",
      typeOnly: false,
    });
  });

  test("imports only what its place may import", () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (!specifier.startsWith(".")) return false;
      const from = placeOf(file);
      const to = placeOf(join(dirname(file), specifier));
      return from !== to && !mayImport(from).includes(to);
    });
    expect(wrong).toEqual([]);
  });

  test("names third-party packages in files called deps.ts only", () => {
    const wrong = imports.filter(({ file, specifier }) =>
      !specifier.startsWith(".") && !file.endsWith("/deps.ts") && !file.startsWith("src/adapters/")
    );
    expect(wrong).toEqual([]);
    const adapters = imports.filter(({ file, specifier }) =>
      file.startsWith("src/adapters/") && !/^(\.|node:|cloudflare:)/.test(specifier)
    );
    expect(adapters).toEqual([]);
  });

  test("has no place that this table does not know", () => {
    const known = [...layers, "audit", "sandbox", "deps.ts", "version.ts", "mod.ts"];
    expect(files.filter((file) => !known.includes(placeOf(file)))).toEqual([]);
  });

  test("names a runtime in the adapters only", () => {
    const wrong = [...code].filter(([file, text]) =>
      !file.startsWith("src/adapters/") &&
      /\b(Deno|Bun)\.|\bprocess\.|\bconsole\.|"(node|cloudflare):/.test(withoutComments(text))
    );
    expect(wrong.map(([file]) => file)).toEqual([]);
  });

  test("never reaches the service, the sandbox, the CLI or an adapter from mod.ts", () => {
    const reached = new Set<string>();
    const visit = (file: string) => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const { specifier } of imports.filter((one) => one.file === file)) {
        if (specifier.startsWith(".")) visit(join(dirname(file), specifier));
      }
    };
    visit("mod.ts");
    expect(reached.size).toBeGreaterThan(10);
    const known = ["deps.ts", ...mayImport("mod.ts")];
    expect([...reached].filter((file) => !known.includes(placeOf(file)))).toEqual([]);
  });

  test("has no file over 300 lines, and names in kebab-case", () => {
    const long = [...code].filter(([, text]) => text.split("\n").length > 301);
    expect(long.map(([file]) => file)).toEqual([]);
    expect(files.filter((file) => !/^[a-z0-9./-]+\.ts$/.test(file))).toEqual([]);
  });
});
