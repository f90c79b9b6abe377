/**
 * Lets Node run the TypeScript of this checkout as it is: `node --import ./scripts/npm-specifiers.ts
 * FILE`. Third-party packages are imported as `npm:name@version`, which Deno needs and Node does not
 * know; here they resolve to what is installed. `batchsweep` is the source, by the import map of
 * deno.json. The published package needs none of this.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const root = new URL("../", import.meta.url);
const { imports }: { readonly imports: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(new URL("deno.json", root), "utf8"),
);

registerHooks({
  resolve(specifier, context, next) {
    const own = imports[specifier];
    if (own !== undefined) return next(new URL(own, root).href, context);
    return next(specifier.replace(/^npm:((?:@[^/]+\/)?[^@/]+)@[^/]+/, "$1"), context);
  },
});
