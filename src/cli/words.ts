/** A name of the API, such as `message_batch`, as words. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

/** A name of the API as words, with the article before them: `a user`, `an invite`. */
export function withArticle(name: string): string {
  return `${/^[aeio]/.test(name) ? "an" : "a"} ${words(name)}`;
}
