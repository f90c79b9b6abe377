import { execFile, type ExecFileOptions } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const bin = resolve("node_modules/.bin");

/** The environment of whoever starts a program; what npm tells its scripts is left out. */
const environment = Object.fromEntries([
  ...Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")),
  ["PATH", [bin, process.env["PATH"]].join(delimiter)],
  ["NO_COLOR", "1"],
  ["DENO_NO_UPDATE_CHECK", "1"],
]);

/** Runs a program of this repository's node_modules, or of the system, and returns its stdout. */
export async function output(
  folder: string,
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options: ExecFileOptions = { cwd: folder, env: { ...environment, ...env } };
  try {
    return String((await run(program, args, options)).stdout);
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`Cannot run ${program} ${args.join(" ")}:\n${stdout}${stderr}`);
  }
}

/** A folder in which a user has installed the package, and one that has nothing but `mod.js` and its types. */
export interface Installed extends AsyncDisposable {
  /** A project with the package. */
  readonly project: string;
  /** A folder outside of it, with `mod.js` and `mod.d.ts` alone. */
  readonly alone: string;
  /** The files of the tarball, by their paths in the package, in order. */
  readonly files: ReadonlyMap<string, string>;
}

/** Builds the package, packs it, and installs the tarball in an empty project. */
export async function packAndInstall(): Promise<Installed> {
  const root = await mkdtemp(join(tmpdir(), "batchsweep-"));
  const [project, alone] = [join(root, "project"), join(root, "alone")];
  await Promise.all([mkdir(project), mkdir(alone)]);
  await output(process.cwd(), ["npm", "pack", "--pack-destination", root]);
  const tarball = (await readdir(root)).find((file) => file.endsWith(".tgz")) ?? "";
  await output(root, ["tar", "-xzf", tarball]); // to package/

  const manifest = { name: "consumer", private: true, type: "module" };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  const options = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await output(project, ["npm", "install", ...options, `../${tarball}`]);

  const paths = await readdir(join(root, "package"), { recursive: true, withFileTypes: true });
  const files = paths.filter((entry) => entry.isFile()).map(async ({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path.slice(join(root, "package/").length), await readFile(path, "utf8")] as const;
  });
  const sorted = (await Promise.all(files)).sort(([a], [b]) => a < b ? -1 : 1);
  for (const file of ["mod.js", "mod.d.ts"]) {
    await writeFile(join(alone, file), new Map(sorted).get(`dist/${file}`) ?? "");
  }
  return {
    project,
    alone,
    files: new Map(sorted),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

/**
 * Puts a file of consumer/ into a folder. In this repository it imports the source, so that it is
 * checked as all else; there it imports the package, or the file that is said.
 */
export async function addConsumer(
  folder: string,
  file: string,
  library = "batchsweep",
): Promise<void> {
  const text = await readFile(new URL(`consumer/${file}`, import.meta.url), "utf8");
  const specifiers = {
    "../../../mod.ts": library,
    "../../../src/sandbox/mod.ts": "batchsweep/sandbox",
    "../../../src/service/mod.ts": "batchsweep/service",
    "../../../src/adapters/mod.ts": "batchsweep/node",
  };
  const moved = Object.entries(specifiers).reduce((all, [from, to]) => all.replace(from, to), text);
  if (moved.includes("../")) throw new Error(`Cannot move ${file}: it imports something else`);
  await writeFile(join(folder, file), moved);
}
