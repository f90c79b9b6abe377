/**
 * Makes what takes secrets out of a text of a server, which may echo what it was sent: as it is,
 * encoded, or in another case.
 *
 * @param secrets The secrets. Those shorter than eight characters are left: they would be found in
 *   every text.
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  return (text) => {
    const forms = secrets.filter(({ length }) => length >= 8)
      .flatMap((secret) => [secret, encodeURIComponent(secret), btoa(secret).replace(/=+$/, "")]);
    const all = text.toLowerCase();
    // A part of a key still begins as all keys do.
    if (![...forms, "sk-ant-"].some((form) => all.includes(form.toLowerCase()))) return text;
    const patterns = forms.sort((one, other) => other.length - one.length)
      .map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    return text.replace(new RegExp([...patterns, "sk-ant-[\\w-]+"].join("|"), "gi"), "[redacted]");
  };
}
