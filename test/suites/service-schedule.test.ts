import { describe, expect, test } from "vitest";
import { isEverDue } from "../../src/service/is-ever-due.ts";

describe("isEverDue()", () => {
  test.each([
    "0 0 30 2 *",
    "0 0 30-31 2 *",
    "0 0 31 4,6 *",
    "0 0 31 4-5/2 *",
    "0 0 31 APR-sep/5 *",
    "0 0 31 11-2/3 *",
    "0 0 30-1/3 2 *",
    "0 0 31/5 4 *",
    "0 0 L-29 2 *",
    "0 0 30W 02 *",
    "0  0 30\t2 *",
  ])("finds no day for %j", (expression) => {
    expect(isEverDue(expression)).toBe(false);
  });

  test.each([
    "17 3 * * *",
    "0 0 29 2 *",
    "0 0 30 2-3 *",
    "0 0 31 2/2 *",
    "0 0 31 11-1 *",
    "0 0 31-1 2 *",
    "0 0 30-1/2 2 *",
    "0 0 */30 2 *",
    "0 0 L 2 *",
    "0 0 LW 2 *",
    "0 0 L-28 2 *",
  ])("finds a day for %j", (expression) => {
    expect(isEverDue(expression)).toBe(true);
  });

  test.each(["0 0 30 2 MON", "0 0 30 2 1-7", "0 0 30 2 */1"])(
    "lets the weekday of %j do instead",
    (expression) => {
      expect(isEverDue(expression)).toBe(true);
    },
  );

  test.each(["", "daily", "@daily", "0 0 30 2", "0 0 30/0 2 *", "0 0 day 2 *", "0 0 1 anf *"])(
    "leaves %j to the runtime",
    (expression) => {
      expect(isEverDue(expression)).toBe(true);
    },
  );
});
