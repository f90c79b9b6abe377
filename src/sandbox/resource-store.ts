import type { Ids } from "./ids.ts";
import type { Resource } from "./resource.ts";
import type { CommonTraits } from "./resource-seed.ts";

/** One object as the sandbox keeps it. */
export interface ResourceRecord {
  readonly params: Readonly<Record<string, string>>;
  /** What it was seeded with. */
  readonly traits: CommonTraits & Readonly<Record<string, unknown>>;
}

/** Keeps objects of all kinds. */
export interface ResourceStore {
  /** Puts an object in, and the one it is part of; one that is named alike is replaced. */
  seed(traits: ResourceRecord["traits"]): Readonly<Record<string, string>>;
  find(type: string, params: Readonly<Record<string, unknown>>): ResourceRecord | undefined;
  /** How many objects of a kind there are. */
  count(type: string): number;
  /** The objects that are part of one, with their kinds. */
  partsOf(type: string, record: ResourceRecord): readonly (readonly [string, ResourceRecord])[];
  /** Takes an object out, and its parts. */
  remove(type: string, record: ResourceRecord): void;
}

/**
 * A store for the kinds of a registry.
 *
 * @param kinds The kinds.
 * @param ids Makes the ids that a seed leaves out.
 */
export function createResourceStore(kinds: readonly Resource[], ids: Ids): ResourceStore {
  const shelves = new Map(
    kinds.map((kind) => [kind.type, { kind, records: new Map<string, ResourceRecord>() }] as const),
  );

  function shelf(type: unknown) {
    const found = shelves.get(String(type));
    if (found) return found;
    const known = [...shelves.keys()].join(", ");
    throw new TypeError(`Cannot find the kind "${String(type)}": it is none of ${known}`);
  }

  const keyOf = (kind: Resource, params: Readonly<Record<string, unknown>>) =>
    JSON.stringify(Object.keys(kind.prefixes).map((name) => params[name]));

  const find: ResourceStore["find"] = (type, params) => {
    const { kind, records } = shelf(type);
    return records.get(keyOf(kind, params));
  };

  const partsOf: ResourceStore["partsOf"] = (type, whole) =>
    [...shelves.values()].filter(({ kind }) => kind.partOf === type).flatMap(({ kind, records }) =>
      [...records.values()]
        .filter((part) => Object.entries(whole.params).every(([k, v]) => part.params[k] === v))
        .map((part) => [kind.type, part] as const)
    );

  const seed: ResourceStore["seed"] = (traits) => {
    const { kind, records } = shelf(traits.type);
    const params = Object.fromEntries(
      Object.entries(kind.prefixes).map(([name, prefix]) => {
        const value = traits[name] ?? ids.next(prefix);
        return [name, String(value)];
      }),
    );
    records.set(keyOf(kind, params), { params, traits });
    if (kind.partOf !== undefined && !find(kind.partOf, params)) {
      seed({ ...params, type: kind.partOf });
    }
    return params;
  };

  const remove: ResourceStore["remove"] = (type, record) => {
    for (const [partType, part] of partsOf(type, record)) remove(partType, part);
    const { kind, records } = shelf(type);
    records.delete(keyOf(kind, record.params));
  };

  return { seed, find, partsOf, remove, count: (type) => shelf(type).records.size };
}
