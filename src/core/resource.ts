import { literal, object } from "../deps.ts";
import type { CallOptions, Client } from "./client.ts";
import { NotFoundError } from "./errors.ts";
import { send } from "./http.ts";
import { fillPath, type PathParams } from "./path.ts";
import { record } from "./record.ts";
import { judge, type Reply } from "./response.ts";
import { checkBetas, type Settings, settingsOf } from "./settings.ts";

/** A kind of object that the API can delete, as data. */
export interface DeletableResource {
  /** Its name, as an audit trail has it: `"message_batch"`. */
  readonly name: string;
  /** Where it is deleted, with the names of the parameters in braces. */
  readonly path: string;
  /** The `type` of the API's receipt. */
  readonly type: string;
  /** Whether the API may leave the `type` out. */
  readonly typeOptional?: true;
  /** Which fields of the receipt must repeat which parameters. */
  readonly echoes: Readonly<Record<string, string>>;
  /** What the parameters begin with today. Their format may change: this is for warnings only. */
  readonly prefixes: Readonly<Record<string, string>>;
  /** Whether it takes an administrator's key, as what belongs to the organization does. */
  readonly administrative?: true;
  /** Betas of which the API wants one. The first is sent where neither client nor call names one. */
  readonly betas?: readonly string[];
}

/**
 * How a deletion is known. `"receipt"`: the API confirmed it, with the id that was asked for.
 * `"absent_after_retry"`: an attempt whose answer was lost was repeated, and the object was no
 * longer there. `"missing"`: it was gone before we came, and the caller allowed that.
 */
export type Evidence = "receipt" | "absent_after_retry" | "missing";

/** The parameters that name one object of a kind. */
export type ResourceParams<Resource extends DeletableResource> = Readonly<
  Record<PathParams<Resource["path"]>, string>
>;

/** What became of one object of a kind: the fields of its receipt, and how it is known. */
export type ResourceDeletion<Resource extends DeletableResource> =
  & { readonly [Field in keyof Resource["echoes"]]: string }
  & {
    readonly type: Resource["type"];
    /** How it is known that the object is gone. */
    readonly evidence: Evidence;
    /** The API's id of the request that brought the evidence. */
    readonly requestId?: string | undefined;
    /** Why the deletion could not be written to the audit trail, if it could not. */
    readonly auditError?: string | undefined;
  };

/** Options of a deletion. */
export interface DeleteOptions extends CallOptions {
  /**
   * Whether an object that is already gone is a success, with `"missing"` as its evidence.
   *
   * @default false
   */
  readonly allowMissing?: boolean | undefined;
  /**
   * Whether the object may have been deleted by an earlier call whose outcome nobody saw, such as one
   * of a process that died. A 404 then is evidence of that deletion: `"absent_after_retry"`.
   *
   * @default false
   */
  readonly attempted?: boolean | undefined;
}

/**
 * Deletes one object of a kind, and validates the receipt.
 *
 * @param client Who calls, and how.
 * @param resource The kind of object.
 * @param params The parameters that name the object.
 * @param options Options of the call.
 * @returns The deletion, with its evidence.
 * @throws {NotFoundError} No such object, and `allowMissing` is not set.
 * @throws {APIError} The API refused.
 * @throws {InvalidResponseError} The answer is not a receipt for this object.
 * @throws {APIConnectionError | APITimeoutError} No answer came.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 */
export async function deleteResource<const Resource extends DeletableResource>(
  client: Client,
  resource: Resource,
  params: ResourceParams<Resource>,
  options: DeleteOptions = {},
): Promise<ResourceDeletion<Resource>> {
  // Read once: what is asked for is what is reported.
  const given: Readonly<Record<string, string>> = Object.fromEntries(
    paramsOf(resource).map((name) => [name, Reflect.get(params, name)]),
  );
  const path = fillPath(resource.path, given);
  const id = Object.values(given).join("/");
  const action = `delete ${resource.name.replaceAll("_", " ")} ${JSON.stringify(id)}`;
  const request = { action, method: "DELETE", path, pathTemplate: resource.path } as const;
  const settings = settingsOf(client);
  checkBetas(options.betas);
  options.signal?.throwIfAborted();

  const permit = await settings.pace?.permit(options.signal); // first: nothing is intended before
  const deletion = record(settings, resource.name, id, options.signal, async () => {
    const reply = await send(settings, request, withBetas(resource, settings, options), permit);
    const evidence = evidenceIn(reply, resource, given, options);
    const { requestId } = reply;
    // What the receipt says was validated to be what was asked: nothing is copied from the wire.
    const echoed = Object.entries(resource.echoes).map(([field, param]) => [field, given[param]]);
    const result = {
      ...Object.fromEntries(echoed),
      type: resource.type,
      evidence,
      ...(requestId === undefined ? {} : { requestId }),
    };
    return { result, reply };
  });
  return await deletion.finally(() => permit?.());
}

/** What names one object of a kind: its id, or where it takes several parameters, those by name. */
export type ResourceId<Resource extends DeletableResource> = PathParams<Resource["path"]> extends
  infer Name extends string
  ? [Name] extends [UnionToIntersection<Name>] ? string : ResourceParams<Resource>
  : never;

type UnionToIntersection<Union> = (Union extends unknown ? (value: Union) => void : never) extends
  (value: infer All) => void ? All
  : never;

/** Deletes one object of a kind. Throws and resolves as {@link deleteResource} does. */
export interface DeleteFunction<Resource extends DeletableResource> {
  (
    client: Client,
    id: ResourceId<Resource>,
    options?: DeleteOptions,
  ): Promise<ResourceDeletion<Resource>>;
  /** The kind, as data. */
  readonly resource: Resource;
}

/** Makes the function that deletes objects of a kind. */
export function defineResource<const Resource extends DeletableResource>(
  resource: Resource,
): DeleteFunction<Resource> {
  const [param = ""] = paramsOf(resource);
  const remove = (client: Client, id: unknown, options?: DeleteOptions) => {
    const params = typeof id === "object" && id !== null ? id : { [param]: id };
    return deleteResource(client, resource, params as ResourceParams<Resource>, options);
  };
  return Object.assign(remove, { resource });
}

/** The names of the parameters of a kind, in the order of its path. */
export function paramsOf({ path }: DeletableResource): readonly string[] {
  return path.split(/[{}]/).filter((_, index) => index % 2 === 1);
}

function withBetas<Options extends DeleteOptions>(
  { betas: [first, ...others] = [] }: DeletableResource,
  settings: Settings,
  options: Options,
): Options {
  const given = [...settings.betas, ...options.betas ?? []];
  if (first === undefined || [first, ...others].some((beta) => given.includes(beta))) {
    return options;
  }
  return { ...options, betas: [first, ...options.betas ?? []] };
}

function evidenceIn(
  reply: Reply,
  resource: DeletableResource,
  params: Readonly<Record<string, string>>,
  { allowMissing, attempted }: DeleteOptions,
): Evidence {
  try {
    const { type, typeOptional } = resource;
    judge(reply, receiptSchema(resource, params), typeOptional && { type });
    return "receipt";
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    if (!reply.outcomeKnown || attempted) return "absent_after_retry";
    if (allowMissing) return "missing";
    throw error;
  }
}

function receiptSchema(resource: DeletableResource, params: Readonly<Record<string, string>>) {
  const echoes = Object.entries(resource.echoes);
  const fields = echoes.map(([field, param]) => [field, literal(params[param] ?? "")] as const);
  return object({ ...Object.fromEntries(fields), type: literal(resource.type) });
}
