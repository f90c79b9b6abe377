/**
 * Runs the shared suites inside workerd: vitest's own runner, bundled, without Node.
 *
 * @module
 */
import type { Servers } from "../server/global-setup.ts";

interface Variables {
  readonly SERVERS: Servers;
}

export default {
  async fetch(request: Request, variables: Variables): Promise<Response> {
    try {
      await importVitest();
      const { runSuites } = await import("./run-suites.ts");
      const files: unknown = await request.json();
      return Response.json(await runSuites(files as string[], variables.SERVERS));
    } catch (error) {
      return new Response(error instanceof Error ? error.stack : String(error), { status: 500 });
    }
  },
};

/**
 * One of vitest's packages sets and clears a timer when it is loaded, to see what timers return.
 * A Worker has no timers while a module loads.
 */
async function importVitest(): Promise<void> {
  const { setTimeout, clearTimeout } = globalThis;
  Object.assign(globalThis, { setTimeout: () => 0, clearTimeout: () => {} });
  try {
    await import("vitest");
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
