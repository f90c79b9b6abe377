import { jsonAnswer, type Route } from "./answer.ts";
import { betaNames } from "./check-headers.ts";
import type { Ids } from "./ids.ts";
import { notFound, Refusal } from "./refusal.ts";
import type { Resource } from "./resource.ts";
import { createResourceStore, type ResourceRecord, type ResourceStore } from "./resource-store.ts";
import * as registry from "./resources/registry.ts";

/** The part of the API that deletes what is in the registry. */
export interface ResourceApi extends Pick<ResourceStore, "seed" | "find"> {
  readonly routes: readonly Route[];
  /** Betas that its endpoints ask for, so that they are known. */
  readonly betas: readonly string[];
}

const KINDS: readonly Resource[] = Object.values(registry);

/**
 * The deletions of the kinds in the registry, with a store of their own.
 *
 * @param ids Makes the ids that a seed leaves out.
 */
export function createResourceApi(ids: Ids): ResourceApi {
  const store = createResourceStore(KINDS, ids);
  return {
    seed: store.seed,
    find: store.find,
    routes: KINDS.map((kind) => route(kind, store)),
    betas: KINDS.flatMap((kind) => kind.betas ?? []),
  };
}

function route(kind: Resource, store: ResourceStore): Route {
  return {
    method: "DELETE",
    path: kind.path,
    handle({ request, params }) {
      const betas = betaNames(request.headers);
      checkBetas(kind, betas);
      const record = store.find(kind.type, params);
      if (!record) throw notFound();
      const refusal = kind.refuse?.({
        ...record,
        betas,
        parts: store.partsOf(kind.type, record).length,
        count: store.count(kind.type),
      });
      if (refusal) throw refusal;
      store.remove(kind.type, record);
      return jsonAnswer(receipt(kind, record));
    },
  };
}

/** Refuses a request that does not name exactly one of the betas that the kind asks for. */
function checkBetas({ betas = [] }: Resource, named: readonly string[]): void {
  const count = betas.filter((name) => named.includes(name)).length;
  if (betas.length === 0 || count === 1) return;
  // [inferred] The documentation says "must send"; how a request without it is refused, it does
  // not. That both together are a 400 is in the API's changelog of 2026-07-02, as reported in
  // https://github.com/davidmigloz/ai_clients_dart/pull/279.
  const names = betas.map((name) => `\`${name}\``).join(" or ");
  throw new Refusal(
    400,
    `anthropic-beta: this endpoint is in beta: send ${names}${count > 1 ? ", not both" : ""}`,
  );
}

function receipt(kind: Resource, { params, traits }: ResourceRecord): Record<string, unknown> {
  const answer = Object.entries(kind.answer).map(([name, value]) =>
    [name, value.replace(/^\{(\w+)\}$/, (_, param: string) => params[param] ?? "")] as const
  );
  return { ...Object.fromEntries(answer), ...traits.override };
}
