import { describe, expect, test } from "vitest";
import { run } from "./in-memory.ts";

/** The help of a command at a terminal of 80 columns. */
const helpOf = async (command: readonly string[]) => {
  const { code, stdout } = await run([...command, "--help"], { terminal: { stdout: 80 } });
  expect(code).toBe(0);
  return stdout;
};

/** A command, and all that are below it, as its help says. */
async function commandsFrom(command: readonly string[]): Promise<(readonly string[])[]> {
  const [, ...groups] = (await helpOf(command)).split(/^(?:Commands|Kinds.*):\n/m);
  const names = groups.flatMap((group) => {
    const [list = ""] = group.split(/^(?! )/m);
    return [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name = ""]) => name);
  });
  const below = await Promise.all(
    names.filter((name) => name !== "help").map((name) => commandsFrom([...command, name])),
  );
  return [command, ...below.flat()];
}

const commands = await commandsFrom([]);

describe("--help", () => {
  test("is there for every command, and for those below it", () => {
    const lines = commands.map((command) => command.join(" "));
    expect(lines).toHaveLength(31);
    expect(lines).toEqual(expect.arrayContaining(["purge", "delete file", "audit head"]));
  });

  test.each(commands.map((command) => [command.join(" ")]))(
    "of '%s' fits into 80 columns",
    async (command) => {
      const lines = (await helpOf(command === "" ? [] : command.split(" "))).split("\n");
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
    },
  );
});

test("delete --help explains every argument of its usage", async () => {
  const help = await helpOf(["delete"]);
  expect(help).toMatch(/^Usage: .* \[kind\] \[ids\.\.\.\]$/m);
  expect(help).toMatch(/^Arguments:\n {2}kind  +one of those below; .*\n {2}ids  +/m);
  expect(await helpOf(["delete", "file"])).toMatch(/^Arguments:\n {2}file_id {2}/m);
});

describe("help", () => {
  test("shows what --help shows", async () => {
    for (const command of [[], ["purge"], ["delete", "file"], ["audit", "verify"]]) {
      const { code, stdout } = await run(["help", ...command], { terminal: { stdout: 80 } });
      expect([code, stdout]).toEqual([0, await helpOf(command)]);
    }
    expect((await run(["audit", "help", "head"], { terminal: { stdout: 80 } })).stdout)
      .toBe(await helpOf(["audit", "head"]));
  });

  test.each([
    ["help purg", "Unknown command 'purg'\n(Did you mean purge?)\n"],
    ["help nothing", "Unknown command 'nothing'\n"],
    ["help delete skils", "Unknown command 'skils'\n(Did you mean skill?)\n"],
    ["help purge x", "Unknown command 'x'\n"],
    ["audit help verfy", "Unknown command 'verfy'\n(Did you mean verify?)\n"],
  ])("%s says which name is unknown", async (line, message) => {
    expect(await run(line.split(" "))).toEqual({
      code: 2,
      stdout: "",
      stderr: `${message}Add --help to see what there is\n`,
    });
  });

  test("describes itself as every command is described", async () => {
    const descriptions = [...(await helpOf([])).matchAll(/^ {2}[a-z]+ .*? {2,}(\S)/gm)];
    expect(descriptions.map(([, first]) => first).join("")).toMatch(/^[A-Z]{8}/);
  });
});
