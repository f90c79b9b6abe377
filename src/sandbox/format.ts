/**
 * Ids and timestamps as the API writes them.
 *
 * @module
 */

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomLength = 14;

/**
 * Creates a source of ids as the API's look today: a prefix, `_01` and 22 more characters. The
 * second half counts, so that ids are unique even when `random` is a constant.
 *
 * @param random A number from 0 up to 1.
 * @returns A function that makes the next id with a prefix.
 */
export function createIds(random: () => number): (prefix: string) => string {
  let count = 0;
  return (prefix) => {
    let digits = "";
    for (let i = 0; i < randomLength; i++) digits += base62.charAt(Math.floor(random() * 62));
    return `${prefix}_01${digits}${counter(++count)}`;
  };
}

/** An id that belongs to another one: always the same for the same `id` and `index`. */
export function derivedId(prefix: string, id: string, index: number): string {
  const digits = id.replace(/^.*_(01)?/, "").replace(/[^0-9A-Za-z]/g, "").slice(-randomLength);
  return `${prefix}_01${digits.padStart(randomLength, "0")}${counter(index)}`;
}

function counter(value: number): string {
  let digits = "";
  for (let rest = value; digits.length < 8; rest = Math.floor(rest / 62)) {
    digits = base62.charAt(rest % 62) + digits;
  }
  return digits;
}

/**
 * Writes a time in RFC 3339, in UTC and with microseconds (`2024-08-20T18:37:24.100435Z`).
 *
 * @param time Milliseconds since the epoch; a fraction becomes the microseconds.
 */
export function timestamp(time: number): string {
  const whole = Math.floor(time);
  const micros = Math.min(999, Math.round((time - whole) * 1000));
  return new Date(whole).toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);
}
