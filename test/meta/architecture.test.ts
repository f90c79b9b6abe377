import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

/** The places of the source in order, each with the places that it may import. */
const table = readTable(readFileSync(".github/ARCHITECTURE.md", "utf8"));

/** Reads the table under the heading "What may import what". Names of places are in backticks. */
function readTable(text: string): ReadonlyMap<string, readonly string[]> {
  const [, section = ""] = text.split("## What may import what\n");
  const [, , ...rows] = /^\n*((?:\|.*\n)+)/.exec(section)?.[1]?.trim().split("\n") ?? [];
  const namesIn = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  const read = rows.map((row): [string, string[]] => {
    const [, place, , imports = ""] = row.split("|");
    const [name] = namesIn(place);
    const names = namesIn(imports);
    if (name === undefined || (names.length === 0 && imports.trim() !== "nothing")) {
      throw new Error(`Cannot read this row of ARCHITECTURE.md, "What may import what": ${row}`);
    }
    return [name, names];
  });
  if (read.length === 0) {
    throw new Error('Cannot find a table in ARCHITECTURE.md under "What may import what"');
  }
  return new Map(read);
}

/** The place of a file: a folder of src, a file beside these (with or without `.ts`), or mod.ts. */
function placeOf(file: string): string {
  const place = file === "mod.ts" ? file : file.split("/")[1] ?? "";
  return table.has(place) ? place : place.replace(/\.ts$/, "");
}

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(?<![:"'])\/\/.*$/gm, "");

function importsOf(code: ReadonlyMap<string, string>): readonly Import[] {
  return [...code].flatMap(([file, text]): Import[] => {
    const found = withoutComments(text).matchAll(
      /(?:^|\n)\s*(import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|import\("([^"]+)"\)/g,
    );
    return [...found].map(([, , type, specifier, dynamic]) => ({
      file,
      specifier: specifier ?? dynamic ?? "",
      typeOnly: type !== undefined,
    }));
  });
}

const codeOf = (files: readonly string[]) =>
  new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
const targetOf = ({ file, specifier }: Import) => join(dirname(file), specifier);

const files = ["mod.ts", ...globSync("src/**/*.ts")].filter((file) => !file.endsWith(".d.ts"));
const code = codeOf(files);
const imports = importsOf(code);

/** Each import from one place to another, such as `purge -> core`. */
const crossings = imports.filter(({ specifier }) => specifier.startsWith("."))
  .map((one) => ({ ...one, from: placeOf(one.file), to: placeOf(targetOf(one)) }))
  .filter(({ from, to }) => from !== to);

describe("the table in ARCHITECTURE.md", () => {
  test("knows every place of the source, and no other", () => {
    expect(new Set(files.map(placeOf))).toEqual(new Set(table.keys()));
  });

  test("lets a place import only places that are named before it", () => {
    const places = [...table.keys()];
    for (const [place, others] of table) {
      const before = places.slice(0, places.indexOf(place));
      expect(others.filter((other) => !before.includes(other)), place).toEqual([]);
    }
  });

  test("allows nothing that no file needs", () => {
    const used = new Set(crossings.map(({ from, to }) => `${from} -> ${to}`));
    const allowed = [...table].flatMap(([from, places]) => places.map((to) => `${from} -> ${to}`));
    expect(allowed.filter((one) => !used.has(one))).toEqual([]);
  });
});

describe("the source", () => {
  test("is seen whole by these tests", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(imports.length).toBeGreaterThan(100);
    expect(imports).toContainEqual({
      file: "src/core/delete.ts",
      specifier: "./send.ts",
      typeOnly: false,
    });
  });

  test("imports only what its place may import", () => {
    expect(crossings.filter(({ from, to }) => !table.get(from)?.includes(to))).toEqual([]);
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
      for (const one of imports.filter((one) => one.file === file)) {
        if (one.specifier.startsWith(".")) visit(targetOf(one));
      }
    };
    visit("mod.ts");
    expect(reached.size).toBeGreaterThan(10);
    const known = ["mod.ts", "deps.ts", ...table.get("mod.ts") ?? []];
    expect([...reached].filter((file) => !known.includes(placeOf(file)))).toEqual([]);
  });

  test("has names in kebab-case", () => {
    expect(files.filter((file) => !/^[a-z0-9./-]+\.ts$/.test(file))).toEqual([]);
  });
});

describe("the tests", () => {
  test("import only the faces of the source, so that its inside can move", () => {
    const isFace = (file: string) =>
      /^src\/([^/]+\/mod|resources|deps)\.ts$/.test(file) || file.startsWith("src/adapters/");
    const found = importsOf(codeOf(globSync("test/**/*.ts").toSorted()));
    expect(found.length).toBeGreaterThan(100);
    const wrong = found.filter((one) => {
      const target = one.specifier.startsWith(".") ? targetOf(one) : "";
      return target.startsWith("src/") && !isFace(target);
    });
    expect(wrong).toEqual([]);
  });
});
