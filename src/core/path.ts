import { cannotUse } from "./cannot-use.ts";

/** The names in braces of a path template, as a type. */
export type PathParams<Template extends string> = Template extends
  `${string}{${infer Name}}${infer Rest}` ? Name | PathParams<Rest> : never;

const longest = 1_024;

/**
 * Puts values into a path template, each as exactly one segment.
 *
 * The format and the length of the API's ids may change, so only this is checked: that an id is a
 * string that no client, proxy or server can take for another path.
 *
 * @param template A path such as `/v1/messages/batches/{message_batch_id}`.
 * @param values A value for each of its names.
 * @throws {TypeError} A value is not a string, or not one path segment.
 */
export function fillPath<Template extends string>(
  template: Template,
  values: Readonly<Record<PathParams<Template>, string>>,
): string {
  const given: Readonly<Record<string, unknown>> = values;
  return template.replace(/\{(\w+)\}/g, (_, name: string) => segment(given[name], name));
}

function segment(value: unknown, name: string): string {
  const refuse = (why: string) => cannotUse(name, why);
  if (typeof value !== "string") throw refuse("it is not a string");
  if (value === "") throw refuse("it is empty");
  if (value.length > longest) throw refuse(`it is longer than ${longest} characters`);
  if (value === "." || value === "..") throw refuse("it is not one path segment");
  if (/^sk-ant-/i.test(value)) throw refuse("it looks like a key");
  if (/^[\w.~-]+$/.test(value)) return value; // as all ids are today
  if (/[/\\?#;%\s\p{C}]/u.test(value)) throw refuse("it is not one path segment");
  return encodeURIComponent(value);
}
