import { execFileSync } from "node:child_process";
import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { files } from "../../src/adapters/files.ts";
import { testInDirectory as test } from "../fixtures/test-in-directory.ts";

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const bytes = (text: string) => new TextEncoder().encode(text);

describe("files.read()", () => {
  test("gives the bytes, whatever their number", async ({ at }) => {
    for (const size of [0, 1, 65_536, 200_000]) {
      await writeFile(at("a"), "x".repeat(size));
      let read = "";
      for await (const chunk of files.read(at("a"))) read += new TextDecoder().decode(chunk);
      expect(read).toBe("x".repeat(size));
    }
  });

  test("fails with ENOENT where there is no file", async ({ at }) => {
    await expect(files.read(at("a"))[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
});

describe("files.write()", () => {
  test("writes a new file for its owner only, and leaves nothing beside it", async ({ directory, at }) => {
    await files.write(at("a"), "tëxt");
    expect(await readFile(at("a"), "utf8")).toBe("tëxt");
    expect(await modeOf(at("a"))).toBe("600");
    expect(await readdir(directory)).toEqual(["a"]);
  });

  test("replaces no file", async ({ directory, at }) => {
    await writeFile(at("a"), "mine");
    await expect(files.write(at("a"), "other")).rejects.toMatchObject({ code: "EEXIST" });
    expect(await readFile(at("a"), "utf8")).toBe("mine");
    expect(await readdir(directory)).toEqual(["a"]);
  });

  test("lets one of many writers win", async ({ directory, at }) => {
    const writes = Array.from({ length: 20 }, (_, index) => files.write(at("a"), `${index}`));
    const settled = await Promise.allSettled(writes);
    const winners = settled.flatMap(({ status }, index) => status === "fulfilled" ? [index] : []);
    expect(winners).toHaveLength(1);
    expect(await readFile(at("a"), "utf8")).toBe(`${winners[0]}`);
    expect(await readdir(directory)).toEqual(["a"]);
  });
});

describe("files.appendTo()", () => {
  test("adds to a file, and refuses what is no regular one without opening it", async ({ directory, at }) => {
    const file = await files.appendTo(at("a"));
    await file.append("one\n");
    await file.close();
    expect(await readFile(at("a"), "utf8")).toBe("one\n");
    execFileSync("mkfifo", [at("pipe")]);
    for (const path of [at("pipe"), "/dev/zero", "/dev/null"]) {
      await expect(files.appendTo(path), path).rejects.toThrow("it is no regular file");
    }
    await expect(files.appendTo(directory)).rejects.toMatchObject({ code: "EISDIR" });
  });
});

describe("files.resultsIn()", () => {
  const save = async (into: string, id: string, text: string) => {
    const writer = (await (await files.resultsIn(into)).open(id)).getWriter();
    await writer.write(bytes(text));
    await writer.close();
  };

  test("makes the directory and a file a batch, for their owner only", async ({ at }) => {
    await save(at("deep/saved"), "msgbatch_1", "one\n");
    expect(await modeOf(at("deep/saved"))).toBe("700");
    expect(await modeOf(at("deep/saved/msgbatch_1.jsonl"))).toBe("600");
    expect(await readFile(at("deep/saved/msgbatch_1.jsonl"), "utf8")).toBe("one\n");
  });

  test("shows a file when it is whole, and not before", async ({ at }) => {
    const writer = (await (await files.resultsIn(at("saved"))).open("a")).getWriter();
    await writer.write(bytes("half"));
    expect((await readdir(at("saved"))).filter((name) => !name.endsWith(".part"))).toEqual([]);
    await writer.close();
    expect(await readdir(at("saved"))).toEqual(["a.jsonl"]);
  });

  test("leaves nothing of a stream that is aborted", async ({ at }) => {
    const writer = (await (await files.resultsIn(at("saved"))).open("a")).getWriter();
    await writer.write(bytes("half"));
    await writer.abort(new Error("no more"));
    expect(await readdir(at("saved"))).toEqual([]);
  });

  test("takes the same content for stored, and refuses another, to the last byte", async ({ at }) => {
    const long = "x".repeat(150_000);
    await save(at("saved"), "a", long);
    await save(at("saved"), "a", long);
    for (const other of ["", `${long}x`, long.slice(1), `${long.slice(1)}y`]) {
      await expect(save(at("saved"), "a", other)).rejects.toThrow(
        "is there already, with another content",
      );
    }
    expect(await readFile(at("saved/a.jsonl"), "utf8")).toBe(long);
    expect(await readdir(at("saved"))).toEqual(["a.jsonl"]);
  });

  test("keeps an id within the directory", async ({ directory, at }) => {
    await save(at("saved"), "../a", "one");
    expect(await readdir(directory)).toEqual(["saved"]);
    expect(await readdir(at("saved"))).toEqual(["..%2Fa.jsonl"]);
  });

  test("takes away what a run that was killed has left of this batch, and nothing else", async ({ at }) => {
    await mkdir(at("saved"));
    const names = ["a.jsonl.01234567.part", "a.jsonl.89abcdef.part", "b.jsonl.01234567.part", "c"];
    const before = new Date(Date.now() - 3_700_000);
    for (const name of names) {
      await writeFile(join(at("saved"), name), "half");
      await utimes(join(at("saved"), name), before, before);
    }
    await save(at("saved"), "a", "one");
    expect((await readdir(at("saved"))).sort()).toEqual([
      "a.jsonl",
      "b.jsonl.01234567.part",
      "c",
    ]);
  });

  test("leaves a part that another run may be writing", async ({ at }) => {
    const writer = (await (await files.resultsIn(at("saved"))).open("a")).getWriter();
    await writer.write(bytes("one"));
    await save(at("saved"), "a", "one");
    await writer.close();
    expect(await readdir(at("saved"))).toEqual(["a.jsonl"]);
  });

  test("stores nothing false where two processes save the same batch at once", async ({ at }) => {
    const [one, other] = [await files.resultsIn(at("saved")), await files.resultsIn(at("saved"))];
    const writers = [(await one.open("a")).getWriter(), (await other.open("a")).getWriter()];
    for (const writer of writers) await writer.write(bytes("first, "));
    for (const writer of writers) await writer.write(bytes("second"));
    for (const writer of writers) await writer.close();
    expect(await readFile(at("saved/a.jsonl"), "utf8")).toBe("first, second");
    expect(await readdir(at("saved"))).toEqual(["a.jsonl"]);
  });

  test("fails where the name belongs to what is no file", async ({ at }) => {
    await mkdir(at("saved/a.jsonl"), { recursive: true });
    await expect(save(at("saved"), "a", "one")).rejects.toMatchObject({
      code: "EISDIR",
      message: `Cannot write ${at("saved/a.jsonl")}: it is a directory`,
    });
    await writeFile(at("file"), "");
    await expect(files.resultsIn(at("file"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  test("refuses a pipe or a device that has the name, before anything is read", async ({ at }) => {
    const results = await files.resultsIn(at("saved"));
    const late = (await results.open("pipe")).getWriter();
    execFileSync("mkfifo", [at("saved/pipe.jsonl")]);
    await expect(late.close()).rejects.toThrow("it is no regular file");
    await symlink("/dev/zero", at("saved/device.jsonl"));
    for (const id of ["pipe", "device"]) {
      await expect(results.open(id)).rejects.toThrow(
        `Cannot write ${at(`saved/${id}.jsonl`)}: it is no regular file`,
      );
    }
  });

  test("fails where what it wrote was removed, replaced or truncated", async ({ at }) => {
    const results = await files.resultsIn(at("saved"));
    const changes = [
      (path: string) => rm(path),
      (path: string) => truncate(path, 1),
      async (path: string) => {
        await writeFile(at("other"), "results");
        await rename(at("other"), path);
      },
    ];
    for (const [index, change] of changes.entries()) {
      const writer = (await results.open(`${index}`)).getWriter();
      await writer.write(bytes("results"));
      const [part = ""] = await readdir(at("saved"));
      await change(at(`saved/${part}`));
      if (index === 1) await writer.write(bytes("more")); // it leaves no hole
      await expect(writer.close()).rejects.toThrow(index === 0 ? "Cannot write" : "Cannot keep");
      expect(await readdir(at("saved"))).toEqual([]);
    }
  });

  test("fails where nothing can be written", async () => {
    await expect(files.resultsIn("/proc/self")).rejects.toBeInstanceOf(Error);
  });
});
