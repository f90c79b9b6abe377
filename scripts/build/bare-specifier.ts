/**
 * The specifier by which Node and bundlers know a package: `ky` for `npm:ky@1.14.3`, which Deno needs.
 * Any other specifier stays as it is.
 */
export function bareSpecifier(specifier: string): string {
  return specifier.replace(/^npm:((?:@[^/]+\/)?[^@/]+)@[^/]+/, "$1");
}
