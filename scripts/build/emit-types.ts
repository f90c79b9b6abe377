import { execFile } from "node:child_process";
import { glob, readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { bareSpecifier } from "./bare-specifier.ts";

/**
 * Emits the types of tsconfig.build.json, with specifiers that every resolution of TypeScript knows:
 * packages by their bare names, files as `.js`.
 */
export async function emitTypes(): Promise<void> {
  const command = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
  await promisify(execFile)(process.execPath, command).catch((error) => {
    throw new Error(`Cannot emit the types:\n${error.stdout}${error.stderr}`);
  });
  for await (const file of glob("dist/lib/**/*.d.ts")) {
    await writeFile(file, withKnownSpecifiers(await readFile(file, "utf8")));
  }
}

function withKnownSpecifiers(declarations: string): string {
  return declarations.replace(
    /(?<=\b(?:from |import\(|import )")[^"\n]+(?=")/g,
    (specifier) => bareSpecifier(specifier).replace(/^(\.{1,2}\/.*)\.ts$/, "$1.js"),
  );
}
