import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** How much source a place has. */
export interface SourceSize {
  readonly files: number;
  readonly lines: number;
  /** Lines that are no comment, not blank, and no part of an import. */
  readonly code: number;
}

/** Places that are neither the library nor the sandbox. */
const others = ["config", "storage", "service", "cli", "adapters"];

/** Measures the source of a checkout: each place (a folder of src, a file beside these), and sums. */
export function sourceSizes(root: string): ReadonlyMap<string, SourceSize> {
  const sizes = new Map<string, SourceSize>();
  const add = (name: string, { files, lines, code }: SourceSize) => {
    const sum = sizes.get(name) ?? { files: 0, lines: 0, code: 0 };
    sizes.set(name, {
      files: sum.files + files,
      lines: sum.lines + lines,
      code: sum.code + code,
    });
  };
  const files = globSync(["mod.ts", "src/**/*.ts"], { cwd: root })
    .filter((file) => !file.endsWith("worker-configuration.d.ts")); // wrangler writes it
  const parts = files.map((file) => ({
    place: file === "mod.ts" ? file : file.split("/")[1] ?? "",
    size: sizeOf(readFileSync(join(root, file), "utf8")),
  }));
  for (const { place, size } of parts.toSorted((a, b) => a.place < b.place ? -1 : 1)) {
    add(place, size);
  }
  for (const { place, size } of parts) if (!others.includes(place)) add("library, sandbox", size);
  for (const { size } of parts) add("all", size);
  return sizes;
}

function sizeOf(text: string): SourceSize {
  // Strings are matched first, so that what looks like a comment inside them stays.
  const parts = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[^]*?\*\/|\/\/.*/g;
  const code = text.replace(parts, (_, string = "") => string)
    .replace(/^import\b[^"]*"[^"]*";?$/gm, "");
  return {
    files: 1,
    lines: text.trimEnd().split("\n").length,
    code: code.split("\n").filter((line) => line.trim() !== "").length,
  };
}
