/**
 * The kinds of objects that the sandbox deletes besides Message Batches: a table of them, a store
 * and the routes. A new kind is a new row, and a case in `checkDeletion()` where the API refuses some.
 *
 * @module
 */
import { invalid, jsonAnswer, notFound } from "./answer.ts";
import { betaNames, type Call, type Routes } from "./api.ts";
import { cannotUse } from "./options.ts";

/** A kind of object that the API deletes, as its documentation has it. */
interface Kind {
  /** The documentation's template. */
  readonly path: string;
  /** What ids begin with, by parameter, in the order of the path. */
  readonly prefixes: Readonly<Record<string, string>>;
  /** The members of the documented answer. @default `id`, which is the last parameter, and `type` */
  readonly answer?: readonly string[];
  /** Betas of which each request must name one. @default none */
  readonly betas?: readonly string[];
  /** The kind it is part of. Seeding it seeds that too, deleting that deletes it too. */
  readonly partOf?: string;
}

const kinds = {
  /** @see [Delete an environment](https://platform.claude.com/docs/en/api/beta/environments/delete) */
  environment: {
    path: "/v1/environments/{environment_id}",
    prefixes: { environment_id: "env" },
    betas: ["managed-agents-2026-04-01"],
  },
  /**
   * The documentation lets the answer's `type` be left out.
   *
   * @see [Delete File](https://platform.claude.com/docs/en/api/files/delete)
   */
  file: { path: "/v1/files/{file_id}", prefixes: { file_id: "file" } },
  /** @see [Delete Invite](https://platform.claude.com/docs/en/api/organization/invites/delete) */
  invite: {
    path: "/v1/organizations/invites/{invite_id}",
    prefixes: { invite_id: "invite" },
  },
  /** @see [Delete a memory](https://platform.claude.com/docs/en/api/beta/memory_stores/memories/delete) */
  memory: {
    path: "/v1/memory_stores/{memory_store_id}/memories/{memory_id}",
    prefixes: { memory_store_id: "memstore", memory_id: "mem" },
    betas: ["agent-memory-2026-07-22", "managed-agents-2026-04-01"],
    partOf: "memory_store",
  },
  /** @see [Delete a memory store](https://platform.claude.com/docs/en/api/beta/memory_stores/delete) */
  memory_store: {
    path: "/v1/memory_stores/{memory_store_id}",
    prefixes: { memory_store_id: "memstore" },
    betas: ["agent-memory-2026-07-22", "managed-agents-2026-04-01"],
  },
  /** @see [Delete a session](https://platform.claude.com/docs/en/api/beta/sessions/delete) */
  session: {
    path: "/v1/sessions/{session_id}",
    prefixes: { session_id: "sesn" },
    betas: ["managed-agents-2026-04-01"],
  },
  /** @see [Delete a session resource](https://platform.claude.com/docs/en/api/beta/sessions/resources/delete) */
  session_resource: {
    path: "/v1/sessions/{session_id}/resources/{resource_id}",
    prefixes: { session_id: "sesn", resource_id: "sesrsc" },
    betas: ["managed-agents-2026-04-01"],
    partOf: "session",
  },
  /** @see [Delete Skill](https://platform.claude.com/docs/en/api/skills/delete) */
  skill: { path: "/v1/skills/{skill_id}", prefixes: { skill_id: "skill" } },
  /**
   * The answer's `id` is what the version was addressed by.
   *
   * @see [Delete Skill Version](https://platform.claude.com/docs/en/api/skills/versions/delete)
   */
  skill_version: {
    path: "/v1/skills/{skill_id}/versions/{version}",
    prefixes: { skill_id: "skill", version: "skver" },
    partOf: "skill",
  },
  /** @see [Remove User](https://platform.claude.com/docs/en/api/organization/users/remove) */
  user: { path: "/v1/organizations/users/{user_id}", prefixes: { user_id: "user" } },
  /** @see [Delete a user profile](https://platform.claude.com/docs/en/api/beta/user_profiles/delete) */
  user_profile: {
    path: "/v1/user_profiles/{user_profile_id}",
    prefixes: { user_profile_id: "uprof" },
  },
  /** @see [Delete a vault](https://platform.claude.com/docs/en/api/beta/vaults/delete) */
  vault: {
    path: "/v1/vaults/{vault_id}",
    prefixes: { vault_id: "vlt" },
    betas: ["managed-agents-2026-04-01"],
  },
  /** @see [Delete a credential](https://platform.claude.com/docs/en/api/beta/vaults/credentials/delete) */
  vault_credential: {
    path: "/v1/vaults/{vault_id}/credentials/{credential_id}",
    prefixes: { vault_id: "vlt", credential_id: "vcrd" },
    betas: ["managed-agents-2026-04-01"],
    partOf: "vault",
  },
  /**
   * A user's membership of a workspace. It has no id of its own.
   *
   * @see [Delete Workspace Member](https://platform.claude.com/docs/en/api/organization/workspaces/members/remove)
   */
  workspace_member: {
    path: "/v1/organizations/workspaces/{workspace_id}/members/{user_id}",
    prefixes: { workspace_id: "wrkspc", user_id: "user" },
    answer: ["type", "user_id", "workspace_id"],
  },
} as const;

/** The kinds of objects that the sandbox deletes besides Message Batches. */
export type ResourceType = keyof typeof kinds;

/** The parameters of a kind's path, which name one object. */
export type ResourceParams<Type extends ResourceType> = Readonly<
  Record<keyof (typeof kinds)[Type]["prefixes"], string>
>;

/** One object of any kind: its kind and its parameters. */
export type ResourceObject = {
  [Type in ResourceType]: { readonly type: Type } & ResourceParams<Type>;
}[ResourceType];

/** What an object may be given besides the parameters that name it. */
export interface ResourceTraits {
  /**
   * Of a user: whether the organization has no members besides those that were seeded. Then the last
   * of them cannot be removed. @default false: there is also the administrator whose key it is
   */
  readonly onlyMember?: boolean | undefined;
  /**
   * Members laid over the answer to its deletion, for shapes that clients must bear. One that is
   * `undefined` is left out, as a file's `type` may be.
   */
  readonly override?: Readonly<Record<string, unknown>> | undefined;
}

/** An object to put in place. Parameters that are left out are new ids. */
export type ResourceSeed<Type extends ResourceType> =
  & { readonly type: Type }
  & { readonly [Param in keyof ResourceParams<Type>]?: string | undefined }
  & ResourceTraits;

type Members = Readonly<Record<string, unknown>>;

/** One object as the sandbox keeps it. */
interface ResourceRecord {
  readonly type: string;
  readonly params: Readonly<Record<string, string>>;
  readonly traits: ResourceTraits;
}

/** Objects of all kinds, and the part of the API that deletes them. */
export interface Resources {
  readonly routes: Routes;
  /** Puts an object in, and the one it is part of. One that has the same name is replaced. */
  seed(type: string, members: Members): ResourceRecord["params"];
  has(type: string, params: Members): boolean;
}

const oldSkills = "skills-2025-10-02";

const table = new Map<string, Kind>(Object.entries(kinds));

/**
 * Creates a store of objects of all kinds, and the routes that delete them.
 *
 * @param newId Makes the ids that a seed leaves out.
 */
export function createResources(newId: (prefix: string) => string): Resources {
  const records = new Map<string, ResourceRecord>();
  const has = (type: string, params: Members) => records.has(keyOf(type, params));

  function seed(type: string, members: Members): ResourceRecord["params"] {
    const { prefixes, partOf } = kindOf(type);
    const params: Record<string, string> = {};
    for (const [name, prefix] of Object.entries(prefixes)) {
      params[name] = String(members[name] ?? newId(prefix));
    }
    records.set(keyOf(type, params), { type, params, traits: members });
    if (partOf !== undefined && !has(partOf, params)) seed(partOf, params);
    return params;
  }

  /** The objects that are part of one. */
  function partsOf({ type, params }: ResourceRecord): readonly ResourceRecord[] {
    return [...records.values()].filter((one) =>
      kindOf(one.type).partOf === type &&
      Object.entries(params).every(([name, value]) => one.params[name] === value)
    );
  }

  /** Throws where the API refuses to delete an object that is there. */
  function checkDeletion(record: ResourceRecord, betas: readonly string[]): void {
    const { traits } = record;
    if (record.type === "skill" && betas.includes(oldSkills) && partsOf(record).length > 0) {
      // The API's own message: https://github.com/anthropics/anthropic-sdk-python/issues/1111
      throw invalid("Cannot delete skill with existing versions. Delete all versions first.");
    }
    const users = () => [...records.values()].filter((other) => other.type === "user");
    if (traits.onlyMember && users().length === 1) {
      // Status and code are the official SDK's (CannotRemoveLastMemberError). [inferred] The text.
      const details = { error_code: "cannot_remove_last_member" };
      throw invalid("The organization's only member cannot be removed.", { details });
    }
  }

  /** The object that a request names, and what answers say of it. */
  function find(type: string, kind: Kind, { request, params }: Call) {
    const betas = betaNames(request.headers);
    const asked = kind.betas ?? [];
    const named = asked.filter((name) => betas.includes(name)).length;
    if (asked.length > 0 && named !== 1) {
      // [inferred] The documentation says "must send", and not how the API refuses a request without
      // it. That both together are a 400 is in the API's changelog of 2026-07-02, as reported in
      // https://github.com/davidmigloz/ai_clients_dart/pull/279.
      const names = asked.map((name) => `\`${name}\``).join(" or ");
      throw invalid(`anthropic-beta: this endpoint is in beta: send exactly one of ${names}`);
    }
    const record = records.get(keyOf(type, params));
    if (!record) throw notFound();
    const known: Members = { id: Object.values(params).at(-1), type: `${type}_deleted`, ...params };
    const members = (kind.answer ?? ["id", "type"]).map((name) => [name, known[name]]);
    return { betas, record, members: Object.fromEntries(members) };
  }

  const routes: Record<string, Routes[string]> = {};
  for (const [type, kind] of table) {
    routes[`DELETE ${kind.path}`] = (call) => {
      const { betas, record, members } = find(type, kind, call);
      checkDeletion(record, betas);
      for (const one of [record, ...partsOf(record)]) records.delete(keyOf(one.type, one.params));
      return jsonAnswer({ ...members, ...record.traits.override });
    };
    // Only what names the object: the rest of it is not played.
    routes[`GET ${kind.path}`] = (call) => jsonAnswer({ ...find(type, kind, call).members, type });
  }
  return { routes, seed, has };
}

function kindOf(type: string): Kind {
  const kind = table.get(type);
  if (kind) return kind;
  throw cannotUse(`kind ${JSON.stringify(type)}`, `there are ${[...table.keys()].join(", ")}`);
}

function keyOf(type: string, params: Members): string {
  return JSON.stringify([type, ...Object.keys(kindOf(type).prefixes).map((name) => params[name])]);
}
