import { readdirSync, readFileSync } from "node:fs";
import type { Plugin } from "rolldown";
import { bareSpecifier } from "./bare-specifier.ts";

/** Leaves third-party packages out, as imports by their bare names. */
export const importPackages: Plugin = {
  name: "import-packages",
  resolveId: {
    filter: { id: /^npm:/ },
    handler: (specifier) => ({ id: bareSpecifier(specifier), external: true }),
  },
};

/** Takes third-party packages in, from what is installed. */
export const bundlePackages: Plugin = {
  name: "bundle-packages",
  resolveId: {
    filter: { id: /^npm:/ },
    handler(specifier, importer) {
      return this.resolve(bareSpecifier(specifier), importer);
    },
  },
};

/** Puts the license of every package at the head of the file that holds some of its code. */
export const bundleLicenses: Plugin = {
  name: "bundle-licenses",
  renderChunk(code, { moduleIds }) {
    const folders = moduleIds.flatMap((id) =>
      /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []
    );
    const packages = [...new Set(folders)].map((folder) => notice(folder, "in part"));
    return [notice(".", "whole"), ...packages, code].join("");
  },
};

/** A comment with a package's name, version and license. */
function notice(folder: string, extent: "whole" | "in part"): string {
  const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((file) => /^licen[cs]e(\.\w+)?$/i.test(file));
  if (file === undefined) throw new Error(`Cannot bundle ${name}: it has no license file`);
  const license = readFileSync(`${folder}/${file}`, "utf8").trim();
  return `/*!\n${name} ${version}, ${extent}\n\n${license}\n*/\n`;
}
