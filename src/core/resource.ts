import { type GenericSchema, literal, looseObject } from "../deps.ts";
import type { CallOptions, Client } from "./client.ts";
import { NotFoundError } from "./errors.ts";
import { send } from "./http.ts";
import { fillPath, type PathParams } from "./path.ts";
import { record } from "./record.ts";
import { judge, type Reply, requestIdOf } from "./response.ts";
import { checkClient } from "./settings.ts";

/** A kind of object that the API can delete, as data. */
export interface DeletableResource {
  /** Its name, as an audit trail has it: `"message_batch"`. */
  readonly name: string;
  /** Where it is deleted, with the names of the parameters in braces. */
  readonly path: string;
  /** The `type` of the API's receipt. */
  readonly type: string;
  /** Which fields of the receipt must repeat which parameters. */
  readonly echoes: Readonly<Record<string, string>>;
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
  const given: Readonly<Record<string, string>> = params;
  const path = fillPath(resource.path, given);
  const id = Object.values(given).join("/");
  const action = `delete ${resource.name.replaceAll("_", " ")} ${JSON.stringify(id)}`;
  const request = { action, method: "DELETE", path, pathTemplate: resource.path } as const;
  checkClient(client);
  options.signal?.throwIfAborted();

  return await record(client, resource.name, id, async () => {
    const reply = await send(client, request, options);
    const evidence = evidenceIn(reply, receiptSchema(resource, given), options);
    const requestId = requestIdOf(reply);
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
}

function evidenceIn<Receipt>(
  reply: Reply,
  schema: GenericSchema<unknown, Receipt>,
  { allowMissing }: DeleteOptions,
): Evidence {
  try {
    judge(reply, schema);
    return "receipt";
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    if (!reply.outcomeKnown) return "absent_after_retry";
    if (allowMissing) return "missing";
    throw error;
  }
}

function receiptSchema(resource: DeletableResource, params: Readonly<Record<string, string>>) {
  const echoes = Object.entries(resource.echoes);
  const fields = echoes.map(([field, param]) => [field, literal(params[param] ?? "")] as const);
  return looseObject({ ...Object.fromEntries(fields), type: literal(resource.type) });
}
