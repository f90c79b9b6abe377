/** Who is compared, and the module in subjects/ that says how it deletes. They run in this order. */
export const contenders = {
  "raw fetch": "raw-fetch",
  "ky + valibot by hand": "ky-valibot",
  "batchsweep": "batchsweep",
  "official SDK": "official-sdk",
} as const;

export type Contender = keyof typeof contenders;

/** Whom the others are compared with. */
export const reference: Contender = "official SDK";
