import { describe, expect, test } from "vitest";
import { readConfig, scopes } from "../../src/config/mod.ts";
import { hash } from "../fixtures/gateway.ts";
import { run } from "./in-memory.ts";

describe("token create", () => {
  test("shows a token once, and the row by which the service knows it", async () => {
    const { code, stdout, stderr } = await run(["token", "create", "nightly job"]);
    const [, token = "", row = ""] = /^Token +(\S+)\nRow +(.*)\n$/.exec(stdout) ?? [];
    expect([code, stderr]).toEqual([0, "The token is not shown again\n"]);
    expect(token).toMatch(/^batchsweep_[0-9a-f]{48}$/);
    const known = { name: "nightly job", sha256: await hash(token), allow: ["batches:delete"] };
    expect(JSON.parse(row)).toEqual(known);
    expect(readConfig({ GATEWAY_TOKENS: `[${row}]` }).gatewayTokens()).toEqual([known]);
    expect((await run(["token", "create", "nightly job"])).stdout).not.toContain(token);
  });

  test("takes scopes and limits, and prints JSON", async () => {
    const { stdout } = await run([
      ...["token", "create", "team", "--allow", scopes.join(", "), "--allow", "audit:read"],
      ...["--expires", "2027-06-30", "--min-days-since-ended", "0"],
      ...["--max-deletes-per-day", "100", "--json"],
    ]);
    const { token, row } = JSON.parse(stdout);
    expect(row).toEqual({
      ...{ name: "team", sha256: await hash(token), allow: scopes },
      ...{ expiresAt: "2027-06-30T00:00:00Z", minDaysSinceEnded: 0, maxDeletesPerDay: 100 },
    });
    expect(readConfig({ GATEWAY_TOKENS: [row] }).gatewayTokens()).toEqual([row]);
  });

  test.each([
    [["a/b"], 'Cannot use "a/b": a name is 1 to 64 letters'],
    [
      ["a", "--allow", "batches:create"],
      'Cannot use --allow "batches:create": give one of batches:',
    ],
    [["a", "--expires", "soon"], 'Cannot use --expires "soon": give a day'],
    [["a", "--max-deletes-per-day", "0"], 'Cannot use --max-deletes-per-day "0": give a whole'],
    [[], "missing required argument"],
  ])("refuses %j", async (args, why) => {
    const { code, stdout, stderr } = await run(["token", "create", ...args]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr.toLowerCase()).toContain(why.toLowerCase());
  });
});
