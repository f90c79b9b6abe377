import { execFile, execFileSync, spawn } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const command = ["--import", "./scripts/npm-specifiers.ts", "scripts/start.ts"];
const run = promisify(execFile);

function has(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
}
const missing = ["bash", "curl", "openssl", "base64"].filter((program) => !has(program));
const skipped = missing.length > 0 && process.env["CI"] !== "true";

/** The processes that a process started, and those they started, as long as they run. */
function descendants(pid: number): readonly string[] {
  const lines = execFileSync("ps", ["-e", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" });
  const all = lines.trim().split("\n").map((line) => line.trim().split(/\s+/));
  const below = (parent: string): string[] =>
    all.filter(([, ppid, state]) => ppid === parent && !state?.startsWith("Z"))
      .flatMap(([child = "", , , ...args]) => [`${child} ${args.join(" ")}`, ...below(child)]);
  return below(String(pid));
}

// Starting the Worker may take a minute before it is given up.
describe("npm start", { timeout: 120_000 }, () => {
  test("--once deletes one batch by a signed webhook and exits with 0", async () => {
    const { stdout } = await run(process.execPath, [...command, "--once"]);
    const [, answer = ""] = stdout.split("HTTP 200\n");
    expect(JSON.parse(answer)).toMatchObject({
      type: "message_batch_deleted",
      evidence: "receipt",
    });
  });

  test.skipIf(skipped)(
    `prints three commands that work, and leaves nothing running${
      skipped ? ` (skipped: ${missing.join(", ")} not found)` : ""
    }`,
    async () => {
      const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
      try {
        let output = "";
        for await (const chunk of child.stdout) {
          output += chunk;
          if (output.includes("Ctrl-C ends both.")) break;
        }
        const blocks = output.match(/(?<=:\n\n)( {2}.+\n)+/g) ?? [];
        expect(blocks).toHaveLength(3);
        for (const block of blocks) {
          const id = /msgbatch_\w+/.exec(block)?.[0];
          const { stdout } = await run("bash", ["-c", `set -e\n${block}`]);
          expect(stdout).toContain(id);
          expect(stdout).toMatch(/"evidence":"receipt"|^deleted/m);
        }
        expect(descendants(child.pid ?? 0).join("\n")).toContain("workerd");
      } finally {
        const before = descendants(child.pid ?? 0).map((line) => line.split(" ")[0]);
        child.kill("SIGINT");
        const code = await new Promise((resolve) => child.once("exit", resolve));
        expect(code).toBe(0);
        const alive = before.filter((pid) => isAlive(Number(pid)));
        expect(alive).toEqual([]);
      }
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    const state = execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
    return !state.startsWith("Z");
  } catch {
    return false;
  }
}
