import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "vitest";
import { readAuditTrail, type UnreadableLine, verifyAuditTrail } from "../../src/audit/mod.ts";
import { collect } from "../fixtures/audit-entries.ts";
import { seededRandom } from "../fixtures/batches.ts";
import { createFolder, names, start } from "./runtimes.ts";

async function read(path: string) {
  const unreadable: UnreadableLine[] = [];
  const onUnreadable = (line: UnreadableLine) => unreadable.push(line);
  const entries = await collect(readAuditTrail(createReadStream(path), { onUnreadable }));
  return { ids: entries.map(({ id }) => id), unreadable };
}

test("an audit trail of many processes loses nothing, and every head of it stays true", {
  timeout: 90_000,
}, async ({ expect }) => {
  await using folder = await createFolder();
  const path = join(folder.path, "audit.jsonl");
  await writeFile(path, "");
  const count = 150;
  const writers = [...names, ...names].map((name, index) =>
    start(name, folder.path, "add", path, `${name}${index}`, String(count), "60")
  );
  let writing = true;
  const all = Promise.all(writers.map(({ ended }) => ended)).finally(() => writing = false);
  const heads = new Set<string>();
  let head: string | undefined;
  while (writing) {
    const found = await verifyAuditTrail(createReadStream(path), { head });
    expect(found.unchanged).not.toBe(false);
    heads.add(head = found.head);
  }
  expect(await all).toEqual(writers.map(() => ({ code: 0, stderr: "" })));

  const { ids, unreadable } = await read(path);
  expect(unreadable).toEqual([]);
  expect(ids.toSorted()).toEqual(writers.flatMap(({ told }) => told).toSorted());
  expect(ids).toHaveLength(6 * count);
  expect(new Set(ids).size).toBe(6 * count);
  for (const one of heads) {
    const found = await verifyAuditTrail(createReadStream(path), { head: one });
    expect(found).toMatchObject({ entries: 6 * count, unreadable: 0, unchanged: true });
  }
  console.log(`${heads.size} heads`);
});

describe.each(names)("an audit trail on %s", (runtime) => {
  test.for(
    [
      ["renamed", ["before"]],
      ["rotated", ["before"]],
      ["rotated and compressed", undefined],
      ["replaced", undefined],
      ["removed", undefined],
      ["compressed", undefined],
      ["truncated", undefined],
    ] as const,
  )("goes on at its path, or refuses, when the file was %s", async ([kind, old], { expect }) => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const { ended, told } = start(runtime, folder.path, "change", path, kind);
    expect(await ended).toEqual({ code: 0, stderr: "" });
    const change =
      { removed: "removed", compressed: "removed", truncated: "truncated" }[kind as string];
    const reason = change === undefined
      ? null
      : `${path} was ${change} while it was in use: restore it, then start again`;
    expect(told).toEqual([reason, reason]);
    const { ids } = await read(path);
    const kept = kind === "replaced" ? ["before", "after"] : ["after"];
    expect(ids).toEqual(change === undefined ? [...kept, "next", "last"] : kept);
    if (old) expect((await read(`${path}.1`)).ids).toEqual(old);
  });

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
