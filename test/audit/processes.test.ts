import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "vitest";
import { readAuditTrail, type UnreadableLine, verifyAuditTrail } from "../../src/audit/mod.ts";
import { files } from "../../src/adapters/files.ts";
import { auditSource } from "../../src/cli/trail.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { seededRandom } from "../fixtures/batches.ts";
import { createFolder, names, start } from "./runtimes.ts";

async function read(path: string) {
  const unreadable: UnreadableLine[] = [];
  const onUnreadable = (line: UnreadableLine) => unreadable.push(line);
  const entries = await collect(readAuditTrail(files.read(path), { onUnreadable }));
  return { ids: entries.map(({ id }) => id), unreadable };
}

test("an audit trail of many processes loses nothing, and verifies while they write and seal", {
  timeout: 90_000,
}, async ({ expect }) => {
  await using folder = await createFolder();
  const path = join(folder.path, "audit.jsonl");
  await writeFile(path, "");
  const count = 150;
  const sealers = names.map((name) => start(name, folder.path, "seal", path));
  await Promise.all(sealers.map((sealer) => sealer.until(1)));
  const writers = [...names, ...names].map((name, index) =>
    start(name, folder.path, "add", path, `${name}${index}`, String(count), "60")
  );
  let writing = true;
  const all = Promise.all(writers.map(({ ended }) => ended)).finally(() => writing = false);
  let head: string | undefined;
  let looks = 0;
  for (; writing; looks += 1) {
    const found = await verifyAuditTrail(auditSource(files, path), { head });
    expect(found.problem).toBeUndefined();
    head = found.head;
  }
  expect(await all).toEqual(writers.map(() => ({ code: 0, stderr: "" })));
  for (const sealer of sealers) sealer.end();
  for (const sealer of sealers) expect(await sealer.ended).toEqual({ code: 0, stderr: "" });

  const { ids, unreadable } = await read(path);
  expect(unreadable).toEqual([]);
  expect(ids.toSorted()).toEqual(writers.flatMap(({ told }) => told).toSorted());
  expect(ids).toHaveLength(6 * count);
  expect(new Set(ids).size).toBe(6 * count);
  const found = await verifyAuditTrail(auditSource(files, path), { head });
  expect(found).toMatchObject({ sealed: 6 * count, unsealed: 0 });
  expect(found.problem).toBeUndefined();
  const seals = (await readFile(`${path}.seals`, "utf8")).split("\n").length - 1;
  console.log(`${looks} looks, ${seals} seals of ${found.sealed} lines`);
});

describe.each(names)("an audit trail on %s", (runtime) => {
  test("holds all that was safe when its process was killed, and stays readable", {
    timeout: 90_000,
  }, async ({ expect }) => {
    const seed = Date.now() % 1_000_000;
    const random = seededRandom(seed);
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    await writeFile(path, '{"version":1,"time":"2026'); // of an earlier crash
    const survivor = start(runtime, folder.path, "add", path, "survivor", "400", "2000");
    const told: unknown[] = [];
    const rounds = 7;
    for (let round = 0; round < rounds; round += 1) {
      const victim = start(runtime, folder.path, "add", path, `r${round}`, "100000", "30000");
      await victim.until(1 + Math.floor(random() * 40));
      await new Promise((resolve) => setTimeout(resolve, random() * 10));
      victim.kill();
      expect((await victim.ended).code).toBe(null);
      told.push(...victim.told);
    }
    expect(await survivor.ended).toEqual({ code: 0, stderr: "" });
    told.push(...survivor.told);

    const { ids, unreadable } = await read(path);
    console.log(
      `${runtime}, seed ${seed}: ${told.length} told, ${ids.length} there, ` +
        `${unreadable.length - 1} cut off`,
    );
    const there = new Set(ids);
    expect(told.filter((id) => !there.has(String(id)))).toEqual([]);
    expect(ids.filter((id) => id.startsWith("survivor"))).toHaveLength(400);
    expect(there.size).toBe(ids.length);
    expect(unreadable[0]).toEqual({ line: 1, reason: "not_json" });
    expect(unreadable.length).toBeLessThanOrEqual(1 + rounds);
  });
});
