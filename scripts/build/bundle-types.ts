import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What is in a file of declarations: its statements, and which file each other name comes from. */
interface Declarations {
  readonly own: ReadonlyMap<string, string>;
  readonly imported: ReadonlyMap<string, string>;
}

/**
 * Writes one file of declarations: those that an entry exports from its neighbours, and all that these
 * mention. The compiler has written them, so each statement begins at the start of a line.
 *
 * @throws {Error} A name is declared twice or renamed, or a package is needed.
 */
export function bundleTypes(entry: string, output: string): void {
  const files = new Map<string, Declarations>();
  const bundled = new Map<string, string>();
  const add = (name: string, file: string): void => {
    const { own, imported } = files.get(file) ?? readDeclarations(file);
    files.set(file, { own, imported });
    const origin = imported.get(name);
    if (origin !== undefined) return add(name, origin);
    const statement = own.get(name);
    if (statement === undefined || bundled.get(name) === statement) return;
    if (bundled.has(name)) throw new Error(`Cannot bundle ${name}: it is declared twice`);
    bundled.set(name, statement);
    const code = statement.replace(/\/\*[^]*?\*\/|"[^"]*"/g, "");
    for (const [mentioned] of code.matchAll(/(?<!\.)\b[A-Za-z]\w*\b(?!\??:)/g)) {
      add(mentioned, file);
    }
  };
  const exported = [...readDeclarations(entry).imported.keys()];
  for (const name of exported) add(name, entry);
  const statements = [...bundled.values()].map((text) => text.replace(/^export /gm, ""));
  writeFileSync(output, `${statements.join("")}export { ${exported.join(", ")} };\n`);
}

const keyword = "(?:export|import|declare|interface|type|abstract)";
const statements = new RegExp(
  `^(?:/\\*\\*\\n(?: \\*.*\\n)+)?${keyword} [^]*?(?=^/\\*\\*|^${keyword} |(?![^]))`,
  "gm",
);
const declaration =
  /^(?:export )?(?:declare )?(?:abstract )?(?:class|const|function|interface|type) (\w+)/m;

function readDeclarations(file: string): Declarations {
  if (!file.endsWith(".d.ts")) throw new Error(`Cannot bundle types of a package: ${file}`);
  const own = new Map<string, string>();
  const imported = new Map<string, string>();
  for (const [text] of readFileSync(file, "utf8").matchAll(statements)) {
    const name = declaration.exec(text)?.[1];
    if (name !== undefined) own.set(name, (own.get(name) ?? "") + text);
    const [, names = "", path = ""] = /^\w+ (?:type )?\{([^}]*)\} from "(.+)";$/m.exec(text) ?? [];
    for (const [item] of names.matchAll(/[^,]*\w[^,]*/g)) {
      if (item.includes(" as ")) throw new Error(`Cannot bundle ${item} of ${file}: it is renamed`);
      const origin = path.startsWith(".") ? join(file, "..", path.replace(/js$/, "d.ts")) : path;
      imported.set(item.replace("type ", "").trim(), origin);
    }
  }
  return { own, imported };
}
