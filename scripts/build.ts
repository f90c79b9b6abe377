/**
 * `npm run build`: the package, in dist/.
 *
 * - `lib/` has one JavaScript module for every source file, so that bundlers and stack traces see
 *   what the repository has; beside it are the types, and maps that hold the source. Third-party
 *   packages stay imports.
 * - `mod.js` is the library in one file with its third-party packages inside, for where there is no
 *   npm. It is not minified: it will hold somebody's API key, so it is there to be read. `mod.d.ts` has
 *   its types.
 *
 * @module
 */
import { readFile, rm } from "node:fs/promises";
import { build, type RolldownOptions } from "rolldown";
import { bundleTypes } from "./build/bundle-types.ts";
import { emitTypes } from "./build/emit-types.ts";
import { bundleLicenses, bundlePackages, importPackages } from "./build/plugins.ts";

// What package.json exports, and what bin/ runs: dist/lib/mod.js is made from mod.ts.
const manifest = await readFile("package.json", "utf8");
const entries = [...manifest.matchAll(/"\.\/dist\/lib\/(.+)\.js"/g)].map(([, path]) =>
  `${path}.ts`
);

const shared = { platform: "neutral", tsconfig: false } satisfies RolldownOptions;
// Comments go, but for those that tell bundlers what has no side effects: the types have the docs.
const comments = { annotation: true, jsdoc: false, legal: false };

const startedAt = performance.now();
await rm("dist", { recursive: true, force: true });
await build([
  {
    ...shared,
    input: entries,
    external: /^node:/,
    plugins: [importPackages],
    output: { dir: "dist/lib", preserveModules: true, sourcemap: true, comments },
  },
  {
    ...shared,
    input: "mod.ts",
    plugins: [bundlePackages, bundleLicenses],
    output: { file: "dist/mod.js", comments },
  },
]);
await emitTypes();
bundleTypes("dist/lib/mod.d.ts", "dist/mod.d.ts");
console.log(`Built dist/ in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
