import { execFile, execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import {
  appendFile,
  type FileHandle,
  open,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { applyPurge, planPurge } from "../../src/purge/mod.ts";
import type { AuditEntry } from "../../mod.ts";
import { createJsonlAuditTrail, readAuditTrail, verifyAuditTrail } from "../../src/audit/mod.ts";
import { type AppendHandle, openAppendFile, writeLines } from "../../src/adapters/append-file.ts";
import { collect, entriesOf } from "../fixtures/audit-entries.ts";
import { daysAgo, drain, play } from "../fixtures/batches.ts";
import { rejection } from "../fixtures/stub.ts";
import { createFolder } from "./runtimes.ts";

const text = (path: string) => readFile(path, "utf8");

/** What the handles of files are made of. */
async function handles(path: string): Promise<FileHandle> {
  const handle = await open(path, "a");
  await handle.close();
  return Object.getPrototypeOf(handle);
}

describe("openAppendFile()", () => {
  test("makes a file for its owner only, and adds to one that is there", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    for (const line of ["one\n", "two\n"]) {
      const file = await openAppendFile(path);
      await file.append(line);
      await file.close();
    }
    expect(await text(path)).toBe("one\ntwo\n");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await rejection(openAppendFile(join(folder.path, "none", "audit.jsonl"))))
      .toMatchObject({ code: "ENOENT" });
    expect(await rejection(openAppendFile(folder.path))).toMatchObject({ code: "EISDIR" });
  });

  test("ends a line that a crash cut off before it adds one", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    for (const [before, after] of [["", ""], ["one\n", "one\n"], ["on", "on\n"], ["\n", "\n"]]) {
      await writeFile(path, before ?? "");
      const file = await openAppendFile(path);
      await file.append("two\n");
      await file.append("three\n");
      await file.close();
      expect(await text(path)).toBe(`${after}two\nthree\n`);
    }
  });

  test("keeps the order, and makes what waits safe in one go", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const file = await openAppendFile(path);
    const prototype = await handles(path);
    using datasync = vi.spyOn(prototype, "datasync");
    using write = vi.spyOn(prototype, "write");
    const lines = Array.from({ length: 100 }, (_, number) => `${number}\n`);
    await Promise.all(lines.map((line) => file.append(line)));
    expect(datasync.mock.calls.length).toBe(1);
    expect(write.mock.calls.length).toBe(1);
    const [asked, safe] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    datasync.mockImplementationOnce(() => {
      asked.resolve();
      return safe.promise;
    });
    const first = file.append("first\n");
    await asked.promise;
    const second = file.append("second\n");
    // What comes later waits, for longer than this disk takes for as much, five times.
    const other = await openAppendFile(join(folder.path, "other"));
    for (let count = 0; count < 5; count += 1) await other.append("second\n");
    await other.close();
    expect(await text(path)).toBe(`${lines.join("")}first\n`);
    safe.resolve();
    await Promise.all([first, second, file.close()]);
    expect(write.mock.calls.length).toBe(5 + 3);
    expect(datasync.mock.calls.length).toBe(5 + 3);
    expect(await text(path)).toBe(`${lines.join("")}first\nsecond\n`);
    expect(await rejection(file.append("late\n"))).toMatchObject({
      message: "Cannot append: the file is closed",
    });
  });

  test("rejects while the disk is full, and goes on when it is not", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const file = await openAppendFile(path);
    await file.append("one\n");
    const prototype = await handles(path);
    const { write } = prototype;
    using full = vi.spyOn(prototype, "write").mockImplementation(
      function (this: FileHandle, bytes: unknown) {
        const some = (bytes as Uint8Array).subarray(0, 5);
        return write.call(this, some as unknown as string);
      } as typeof write,
    );
    await expect(file.append("two, which is long\n")).rejects.toThrow(
      "Cannot append: 5 of 19 bytes could be written",
    );
    full.mockRestore();
    await file.append("three\n");
    await file.close();
    expect(await text(path)).toBe("one\ntwo, \nthree\n");
  });

  test.skipIf(process.platform !== "linux")("rejects where no byte can be written", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "full");
    await symlink("/dev/full", path);
    const file = await openAppendFile(path);
    expect(await rejection(file.append("one\n"))).toMatchObject({ code: "ENOSPC" });
    await file.close();
  });

  test("adds to the file at the path, even if the path changes while it writes", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const file = await openAppendFile(path);
    const prototype = await handles(path);
    const { datasync } = prototype;
    for (const change of [() => rename(path, `${path}.1`), () => truncate(path), () => rm(path)]) {
      using flush = vi.spyOn(prototype, "datasync").mockImplementationOnce(
        async function (this: FileHandle) {
          await datasync.call(this);
          await change();
        },
      );
      await file.append("one\n");
      expect(flush.mock.calls.length).toBe(2);
      expect(await text(path)).toBe("one\n");
    }
    await expect(file.check()).rejects.toThrow("was truncated while it was in use: restore it");
    await file.close();
  });

  test("refuses what is no file any more", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const file = await openAppendFile(path);
    await rename(path, `${path}.1`);
    execFileSync("mkfifo", [path]);
    await expect(file.append("one\n")).rejects.toThrow("is no regular file any more");
    await expect(file.check()).rejects.toThrow("is no regular file any more");
    await file.close();
  });

  test("believes in nothing more once the disk could not say that all is safe", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const file = await openAppendFile(path);
    const prototype = await handles(path);
    const broken = new Error("EIO");
    using datasync = vi.spyOn(prototype, "datasync").mockRejectedValueOnce(broken);
    expect(await rejection(file.append("one\n"))).toBe(broken);
    expect(await rejection(file.append("two\n"))).toBe(broken);
    expect(datasync.mock.calls.length).toBe(1);
    expect(await text(path)).toBe("one\n");
    await file.close();
  });
});

describe("writeLines()", () => {
  test("writes its lines again where another died in a line just before", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    for (const [before, torn] of [["", "to"], ["one\n", "to"], ["one\n", "x".repeat(9_000)]]) {
      await writeFile(path, before ?? "");
      const handle = await open(path, "a+");
      const other = await openAppendFile(path);
      let others = 0;
      const raced: AppendHandle = {
        stat: handle.stat.bind(handle),
        read: handle.read.bind(handle),
        write: async (bytes, ...rest) => {
          if ((others += 1) === 1) await appendFile(path, torn ?? "");
          return await handle.write(bytes, ...rest);
        },
      };
      await writeLines(raced, "two\nthree\n");
      await other.append("four\n");
      expect(await text(path)).toBe(`${before}${torn}two\nthree\n\ntwo\nthree\nfour\n`);
      await other.close();
      await handle.close();
    }
  });

  test("ends no line that another is just writing", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    await writeFile(path, "one\ntw");
    const handle = await open(path, "a+");
    let looks = 0;
    const raced: AppendHandle = {
      stat: async () => {
        if ((looks += 1) === 2) await appendFile(path, "o\n");
        return await handle.stat();
      },
      read: handle.read.bind(handle),
      write: handle.write.bind(handle),
    };
    await writeLines(raced, "three\n");
    expect(await text(path)).toBe("one\ntwo\nthree\n");
    await handle.close();
  });

  test("writes its lines once where others only add theirs", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const handle = await open(path, "a+");
    const raced: AppendHandle = {
      stat: handle.stat.bind(handle),
      read: handle.read.bind(handle),
      write: async (bytes, ...rest) => {
        await appendFile(path, "before\n");
        const written = await handle.write(bytes, ...rest);
        await appendFile(path, "after\n");
        return written;
      },
    };
    await writeLines(raced, "one\n");
    await writeLines(raced, "two\n");
    expect(await text(path)).toBe("before\none\nafter\nbefore\ntwo\nafter\n");
    await handle.close();
  });
});

describe("an audit trail in a file", () => {
  test("has a head that head and sha256sum agree with, at each entry", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const file = await openAppendFile(path);
    const trail = createJsonlAuditTrail(file);
    const heads: string[] = [];
    for (const entry of entriesOf(3)) {
      await trail.append({ ...entry, actor: "Zoë" });
      heads.push((await verifyAuditTrail(createReadStream(path))).head);
    }
    await file.close();
    for (const head of heads) {
      const [bytes, hash] = head.split(":");
      const { stdout } = await promisify(execFile)("sh", [
        "-c",
        'head -c "$1" "$2" | sha256sum',
        "sh",
        bytes ?? "",
        path,
      ]);
      expect(stdout.split(" ")[0]).toBe(hash);
      expect(await verifyAuditTrail(createReadStream(path), { head })).toMatchObject({
        entries: 3,
        unchanged: true,
      });
    }
  });

  test("is what a purge is resumed by, where it breaks off in the middle of a line", async () => {
    await using folder = await createFolder();
    const path = join(folder.path, "audit.jsonl");
    const { sandbox, client, deletes } = play();
    for (let seeded = 0; seeded < 3; seeded += 1) sandbox.seed({ created_at: daysAgo(9) });
    const plan = await planPurge(client, { filter: "*" });
    const run = async (history: AsyncIterable<AuditEntry> | undefined) => {
      const file = await openAppendFile(path);
      const auditTrail = createJsonlAuditTrail(file);
      const ended = await drain(applyPurge({ ...client, auditTrail }, plan, { history }));
      await file.close();
      return ended;
    };
    await run(undefined);
    expect(deletes()).toHaveLength(3);
    const whole = await text(path);
    await writeFile(path, whole.slice(0, whole.lastIndexOf('"outcome"'))); // the last outcome

    let unreadable = 0;
    const onUnreadable = () => void (unreadable += 1);
    const { outcomes, summary } = await run(
      readAuditTrail(createReadStream(path), { onUnreadable }),
    );
    expect(unreadable).toBe(1);
    expect(summary).toMatchObject({ planned: 3, deleted: 3 });
    expect(outcomes.map((one) => "evidence" in one && one.evidence).toSorted()).toEqual([
      "absent_after_retry",
      "receipt",
      "receipt",
    ]);
    expect(deletes()).toHaveLength(4);
    const entries = await collect(readAuditTrail(createReadStream(path)));
    expect(entries.at(-1)).toMatchObject({ phase: "outcome", evidence: "absent_after_retry" });
  });
});
