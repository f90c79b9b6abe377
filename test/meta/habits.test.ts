import { existsSync, globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { version } from "../../mod.ts";

test("workflows name the actions of others by commit, with the version beside", () => {
  const files = [
    ...globSync(".github/workflows/*.yml"),
    ...globSync("examples/*.yml"),
    "action.yml",
  ];
  const used = files.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/uses: (.+)/g)].map(([, action]) => action)
  );
  expect(used.length).toBeGreaterThan(10);
  const own = `batchsweep/batchsweep@v${version}`;
  const pinned = /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
  expect(used.filter((action = "") => action !== own && !pinned.test(action))).toEqual([]);
  expect(new Set(used).size).toBe(new Set(used.map((action = "") => action.split("@")[0])).size);
});

test("the paths that the documents of .github name are there", () => {
  const missing = globSync(".github/*.md").flatMap((document) =>
    [...readFileSync(document, "utf8").matchAll(/`((?:src|test|scripts|docs)\/[\w./-]+)`/g)]
      .flatMap(([, path = ""]) => existsSync(path) ? [] : `${document}: ${path}`)
  );
  expect(missing).toEqual([]);
});
