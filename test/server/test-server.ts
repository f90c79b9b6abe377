/**
 * The server of the tests, on loopback: sandboxes of their own for tests that cannot hold one in
 * memory, because they run in another runtime or want real connections.
 *
 * @module
 */
import { serve, type Server } from "../../src/adapters/serve.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";

/** Starts the server. `POST /sandboxes` makes a sandbox, `POST /sandboxes/N/control` moves it. */
export async function startTestServer(): Promise<Server> {
  const sandboxes: Sandbox[] = [];
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/sandboxes") {
      const basePath = `/sandboxes/${sandboxes.length}`;
      sandboxes.push(createSandbox({ ...await request.json(), basePath }));
      return Response.json({ basePath });
    }
    const [, number, control] = pathname.match(/^\/sandboxes\/(\d+)\/(control$)?/) ?? [];
    const sandbox = sandboxes[Number(number)];
    if (sandbox === undefined) return new Response(null, { status: 404 });
    return control ? Response.json(move(sandbox, await request.json())) : sandbox.fetch(request);
  };
  return await serve(async (request) => {
    const response = await answer(request);
    // On a connection that was used before, some runtimes repeat a lost request by themselves.
    response.headers.set("connection", "close");
    return response;
  });
}

/** What the control of a sandbox takes: the functions of a sandbox that take and give JSON. */
export interface Control {
  readonly seed?: Parameters<Sandbox["seed"]>[0];
  readonly fail?: Parameters<Sandbox["fail"]>[0];
  readonly advance?: number;
}

function move(sandbox: Sandbox, { seed, fail, advance }: Control): unknown {
  if (fail !== undefined) sandbox.fail(fail);
  if (advance !== undefined) sandbox.advance(advance);
  const batch = seed && sandbox.seed(seed);
  return { batch, requests: sandbox.requests };
}
