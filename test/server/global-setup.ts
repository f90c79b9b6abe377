import { startGateway } from "./gateway-server.ts";
import { startHostileServer } from "./hostile-server.ts";
import { startTestServer } from "./test-server.ts";

/** Where the servers of the tests are. */
export interface Servers {
  /** Sandboxes, each test its own. */
  readonly server: string;
  /** A gateway before those sandboxes. */
  readonly gateway: string;
  /** What can go wrong on the wire. */
  readonly hostileServer: string;
}

/** Starts the servers of the tests. */
export async function startServers(): Promise<{ servers: Servers; close(): Promise<void> }> {
  const [server, hostile] = await Promise.all([startTestServer(), startHostileServer()]);
  const gateway = await startGateway(server.url);
  return {
    servers: { server: server.url, gateway: gateway.url, hostileServer: hostile.url },
    close: async () => {
      await Promise.all([gateway.close(), server.close(), hostile.close()]);
    },
  };
}

/** The variable by which `npm test` tells its runners of the servers that it has started. */
export const serversVariable = "TEST_SERVERS";

/** Gives the tests their servers: those that `npm test` has started, or this run's own. */
export default async function setup(
  project: { provide<Name extends keyof Servers>(name: Name, value: string): void },
): Promise<(() => Promise<void>) | undefined> {
  const given = process.env[serversVariable];
  const started = given === undefined ? await startServers() : undefined;
  const { server, gateway, hostileServer }: Servers = started?.servers ?? JSON.parse(given ?? "{}");
  project.provide("server", server);
  project.provide("gateway", gateway);
  project.provide("hostileServer", hostileServer);
  return started?.close;
}

declare module "vitest" {
  interface ProvidedContext extends Servers {}
}
