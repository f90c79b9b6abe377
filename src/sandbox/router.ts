import type { Answer, Call, Route } from "./answer.ts";
import { notFound, Refusal } from "./refusal.ts";

/** Where a path leads. */
export interface RouteMatch {
  /** The template that fits the path; undefined for a path that does not exist. */
  readonly template: string | undefined;
  /** Answers, or throws the 404 or 405 that the path or the method asks for. */
  handle(call: Omit<Call, "params">): Answer | Promise<Answer>;
}

/**
 * A router over a table of routes. A path fits a template whole: no trailing slash, no empty
 * parameter.
 *
 * @param routes The table.
 * @returns A function from method and path to the route.
 */
export function createRouter(
  routes: readonly Route[],
): (method: string, path: string) => RouteMatch {
  const patterns = routes.map(({ path }) => pattern(path));
  return (method, path) => {
    const fitting = routes.filter((_, i) => patterns[i]?.test(path));
    const route = fitting.find((candidate) => candidate.method === method);
    const template = fitting[0]?.path;
    return {
      template,
      handle(call) {
        if (template === undefined) throw notFound();
        if (!route) {
          const allow = fitting.map((candidate) => candidate.method).join(", ");
          throw new Refusal(405, `Method ${method} is not allowed for this resource.`, {
            headers: { allow },
          });
        }
        return route.handle({ ...call, params: parameters(route.path, path) });
      },
    };
  };
}

/** `/v1/files/{file_id}` as a regular expression with a group of that name. */
function pattern(template: string): RegExp {
  return new RegExp(`^${template.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
}

function parameters(template: string, path: string): Record<string, string> {
  const groups = pattern(template).exec(path)?.groups ?? {};
  try {
    return Object.fromEntries(
      Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]),
    );
  } catch {
    throw notFound(); // a malformed percent-encoding names nothing
  }
}
