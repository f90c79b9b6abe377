/** Must fail, in every runner: what reports these as passed reports anything as passed. */
import { describe, expect, test } from "vitest";

describe("canary", () => {
  test("a wrong value fails", () => {
    expect(1 + 1).toBe(3);
  });

  test("a rejection fails", async () => {
    await Promise.reject(new Error("canary"));
  });

  test("a missing rejection fails", async () => {
    await expect(Promise.resolve("canary")).rejects.toThrow();
  });
});
