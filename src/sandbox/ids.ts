const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 14;
const COUNTER_LENGTH = 8;

/** Makes ids as the API's look today: a prefix, `_01` and 22 more characters. */
export interface Ids {
  /** The next id with this prefix; no two are the same. */
  next(prefix: string): string;
  /** An id that belongs to another one: always the same for the same `id` and `index`. */
  derived(prefix: string, id: string, index: number): string;
}

/**
 * Ids whose first half is random and whose second half counts, so that they are unique even when
 * `random` is a constant.
 *
 * @param random A number from 0 up to 1.
 * @returns The source of ids.
 */
export function createIds(random: () => number): Ids {
  let count = 0;
  return {
    next(prefix) {
      let digits = "";
      for (let i = 0; i < RANDOM_LENGTH; i++) digits += BASE62.charAt(Math.floor(random() * 62));
      return `${prefix}_01${digits}${base62(++count)}`;
    },
    derived(prefix, id, index) {
      const digits = id.replace(/^.*_(01)?/, "").replace(/[^0-9A-Za-z]/g, "").slice(-RANDOM_LENGTH);
      return `${prefix}_01${digits.padStart(RANDOM_LENGTH, "0")}${base62(index)}`;
    },
  };
}

function base62(value: number): string {
  let digits = "";
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) {
    digits = BASE62.charAt(rest % 62) + digits;
  }
  return digits.padStart(COUNTER_LENGTH, "0");
}
