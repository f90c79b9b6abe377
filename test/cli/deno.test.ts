import { readFile } from "node:fs/promises";
import { serve } from "../../src/adapters/serve.ts";
import { version } from "../../mod.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";
import { adminKey, createStage, key, runtimes, start } from "./runtimes.ts";

const [deno = ""] = runtimes.Deno(undefined);
const root = new URL("../../", import.meta.url);

/** A bare static server over the checkout, as a file host on the web is. */
function serveCheckout() {
  return serve(async (request) => {
    const { pathname } = new URL(request.url);
    const text = await readFile(new URL(`.${pathname}`, root), "utf8").catch(() => undefined);
    if (text === undefined) return new Response(null, { status: 404 });
    return new Response(text, { headers: { "content-type": "application/typescript" } });
  });
}

test.for(
  [
    [["--help"], /^Usage: batchsweep /],
    [["delete", "--help"], /^Usage: batchsweep delete /],
    [["delete", "user", "--help"], /^Usage: batchsweep delete user /],
    [["sandbox", "--help"], /^Usage: batchsweep sandbox /],
    [["--version"], new RegExp(`^${version}\n$`)],
  ] as const,
)("main() under Deno needs no permission for %j", async ([args, text], { expect }) => {
  const env = { ANTHROPIC_API_KEY: key, FORCE_COLOR: "1" };
  const command = [deno, "run", "src/adapters/deno.ts", ...args];
  const { code, stdout, stderr } = await start(command, { env }).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(text);
});

test("the first line of deno.ts permits what the documentation does, and is read whole", async ({ expect }) => {
  const [line = ""] = (await readFile(new URL("src/adapters/deno.ts", root), "utf8")).split(
    "\n",
    1,
  );
  expect(line.length).toBeLessThan(256); // Linux reads no more of it
  const permitted = / --allow-net=\S+ --allow-env=\S+/.exec(line)?.[0] ?? "none";
  expect(permitted).toMatch(/,TERM$/);
  expect(await readFile(new URL("docs/command.md", root), "utf8")).toContain(
    `deno run${permitted} `,
  );
});

test("main() under Deno takes a variable that may not be read as unset", async ({ expect }) => {
  const command = [deno, "run", "src/adapters/deno.ts", "delete", "msgbatch_1"];
  const { code, stderr } = await start(command, { env: { ANTHROPIC_API_KEY: key } }).ended;
  expect(code).toBe(4);
  expect(stderr).toBe(
    "Cannot find credentials: set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN; " +
      "Deno needs --allow-env=ANTHROPIC_API_KEY,ANTHROPIC_AUTH_TOKEN\n",
  );
});

test("main() under Deno takes an administrator's key that may not be read as unset", async ({ expect }) => {
  const command = [...runtimes.Deno(undefined), "delete", "user", "user_1"];
  const env = { ANTHROPIC_API_KEY: key, ANTHROPIC_ADMIN_KEY: adminKey };
  const { code, stdout, stderr } = await start(command, { env }).ended;
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  expect(stderr).toBe(
    "Cannot find credentials: set ANTHROPIC_ADMIN_KEY; Deno needs --allow-env=ANTHROPIC_ADMIN_KEY\n",
  );
});

test("main() under Deno names a host that may not be reached", async ({ expect }) => {
  await using stage = await createStage();
  const args = [...runtimes.Deno("api.anthropic.com"), "delete", "msgbatch_1"];
  const { code, stdout, stderr } = await start(args, { env: stage.env }).ended;
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(`Cannot use ${stage.host}: this process has no permission`);
  expect(stage.requests()).toEqual([]);
});

test("main() under Deno does not serve where it may not", async ({ expect }) => {
  const { code, stdout, stderr } = await start([...runtimes.Deno(undefined), "sandbox"]).ended;
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^Cannot use 127\.0\.0\.1:4010: this process has no permission .*\n$/);
});

test("main() under Deno runs from a URL with no more permissions", async ({ expect, directory }) => {
  await using stage = await createStage();
  const { id } = stage.sandbox.seed();
  const files = await serveCheckout();
  // Its own cache, so that everything is loaded; packages from here, so that no network is needed.
  const env = { DENO_DIR: directory, ...stage.env };
  const command = [
    ...runtimes.Deno(stage.host).slice(0, -1),
    ...["--quiet", "--node-modules-dir=manual"],
    ...[`${files.url}/src/adapters/deno.ts`, "delete", id],
  ];
  const { code, stdout, stderr } = await start(command, { env }).ended;
  await files.close();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(`deleted ${id} (receipt, `);
  expect(stage.sandbox.size).toBe(0);
});

test("main() under Deno prints a next step that has all permissions it needs", async ({ expect, directory }) => {
  await using stage = await createStage();
  const { id } = stage.sandbox.seed();
  const file = `${directory}/it's a plan.json`;
  const planned = await stage.run("Deno", ["purge", "--all", "--plan-out", file], { directory });
  expect(planned.code).toBe(0);
  const [, next = ""] = / plan\.json:\n([^]*)$/.exec(planned.stderr) ?? [];
  const applied = start(["sh", "-c", `${next.trimEnd()} --yes`], { env: stage.env });
  expect(await applied.ended).toMatchObject({ code: 0, stdout: expect.stringContaining(id) });
  expect(stage.sandbox.size).toBe(0);
});
