import { fillPath } from "../../core/path.ts";
import { type DeletableResource, paramsOf } from "../../core/resource.ts";

/**
 * Reads an id as the command line and the audit trail write it: the parameters of a kind in the order
 * of its path, joined with slashes.
 *
 * @returns The parameters by name. The library decides what can be one, but for a key in its place.
 * @throws {TypeError} It is no id of this kind; the message says why, as the end of a sentence.
 */
export function parseId(resource: DeletableResource, id: string): Readonly<Record<string, string>> {
  const names = paramsOf(resource);
  const values = names.length === 1 ? [id] : id.split("/");
  if (values.length !== names.length) throw new TypeError(`it is not ${names.join("/")}`);
  const params = Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
  for (const [name, value] of Object.entries(params)) {
    const problem = problemOf(value);
    if (problem === undefined) continue;
    throw new TypeError(names.length === 1 ? `it ${problem}` : `its ${name} ${problem}`);
  }
  return params;
}

function problemOf(value: string): string | undefined {
  if (value.startsWith("sk-ant-")) return "is an API key";
  try {
    fillPath("{value}", { value });
    return undefined;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return error.message.replace(/^.*?: it /, "");
  }
}
