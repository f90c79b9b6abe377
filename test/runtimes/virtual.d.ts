declare module "virtual:suites" {
  /** Every suite, by its path. */
  export const suites: Readonly<Record<string, () => Promise<unknown>>>;
}
