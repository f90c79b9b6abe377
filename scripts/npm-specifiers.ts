/**
 * Lets Node run the TypeScript of this checkout as it is: `node --import ./scripts/npm-specifiers.ts
 * FILE`. Third-party packages are imported as `npm:name@version`, which Deno needs and Node does not
 * know; here they resolve to what is installed. The published package needs none of this.
 *
 * @module
 */
import { registerHooks } from "node:module";

registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier.replace(/^npm:((?:@[^/]+\/)?[^@/]+)@[^/]+/, "$1"), context),
});
