import { CommandError } from "../exit-code.ts";
import type { Host } from "../host.ts";

/**
 * Checks that a URL may be requested or served, before the runtime says so in its own way.
 *
 * @throws {CommandError} It may not.
 */
export function checkPermission(host: Pick<Host, "permits">, url: string): void {
  if (host.permits?.(new URL(url)) !== false) return;
  throw new CommandError(
    `Cannot use ${new URL(url).host}: this process has no permission for it (--allow-net)`,
  );
}
