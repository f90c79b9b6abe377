/** The deletion of one object, validated. @module */
import { isAbort } from "./abort.ts";
import { withAuditTrail } from "./audit.ts";
import {
  checkOptions,
  type Checks,
  defined,
  fillPath,
  isBoolean,
  type PathParams,
} from "./check.ts";
import { callChecks, type CallOptions, checkClient, type Client, type Permit } from "./client.ts";
import {
  APIError,
  CallError,
  InvalidResponseError,
  NotEndedError,
  NotFoundError,
  type Refusal,
} from "./errors.ts";
import { invalidResponse, readSuccess, type Reply } from "./response.ts";
import { type ApiRequest, type Call, createCall, endOfWait, pause, send } from "./send.ts";

/** A kind of object that the API can delete, as data. */
export interface DeletableResource {
  /** Its name, as an audit trail has it: `"message_batch"`. The receipt's `type` is `"…_deleted"`. */
  readonly name: string;
  /** Where it is deleted, with the names of the parameters in braces. */
  readonly path: string;
  /** Whether the API may leave the `type` out. */
  readonly typeOptional?: true;
  /** Which parameters the receipt repeats by their names. Else it repeats the last, as `id`. */
  readonly echoes?: readonly string[];
  /** What the parameters begin with today. Their format may change: this is for warnings only. */
  readonly prefixes: Readonly<Record<string, string>>;
  /** Whether it takes an administrator's key, as what belongs to the organization does. */
  readonly administrative?: true;
  /** Betas of which the API wants one. The first is sent where neither client nor call names one. */
  readonly betas?: readonly string[];
}

/**
 * How a deletion is known. `"receipt"`: the API confirmed it, with the id that was asked for.
 * `"absent_after_retry"`: an attempt of ours may have done it, and three looks found no such object.
 * `"missing"`: three looks found none, we cannot have done it, and the caller allowed that.
 */
export type Evidence = "receipt" | "absent_after_retry" | "missing";

/** How a deletion is known, and what the call did. */
export interface DeletionFacts {
  /** How it is known that the object is gone. */
  readonly evidence: Evidence;
  /** The API's id of the request that brought the evidence. */
  readonly requestId?: string | undefined;
  /** How many deletions were sent. */
  readonly attempts: number;
  /** The workspace that the API says it answered for. */
  readonly workspaceId?: string | undefined;
  /** Why the audit trail has no entry of this outcome; absent where it has one. */
  readonly auditError?: string | undefined;
}

/** A deleted Message Batch, and how its deletion is known. */
export interface Deletion extends DeletionFacts {
  /** ID of the batch that was asked for. */
  readonly id: string;
  readonly type: "message_batch_deleted";
}

/** Options of a deletion. */
export interface DeleteOptions extends CallOptions {
  /** Whether an object that is gone already is a success, as `"missing"`. @default false */
  readonly allowMissing?: boolean | undefined;
  /**
   * Whether an earlier call of unknown outcome may have deleted the object, such as one of a process
   * that died. Its absence is then evidence of that deletion: `"absent_after_retry"`. @default false
   */
  readonly mayBeDeletedAlready?: boolean | undefined;
  /**
   * Whether the object is retrieved before the deletion. If it was there, a 404 to the deletion is
   * evidence of the deletion, as with `mayBeDeletedAlready`. @default false
   */
  readonly lookFirst?: boolean | undefined;
}

/** What the absence of an object means. */
interface Absence extends Omit<DeleteOptions, keyof CallOptions> {
  /** Whether `"missing"` rests on one 404, where the next run lists again. */
  readonly missingAtOnce?: boolean | undefined;
  /** Throws if the object, as `lookFirst` shows it, may not be deleted. Nor is what it does not show. */
  readonly check?: ((object: unknown) => void) | undefined;
}

/** The checks of {@link DeleteOptions}. */
export const deleteChecks: Checks<DeleteOptions> = {
  ...callChecks,
  allowMissing: isBoolean,
  mayBeDeletedAlready: isBoolean,
  lookFirst: isBoolean,
};

/** The parameters that name one object of a kind. */
export type ResourceParams<Resource extends DeletableResource> = Readonly<
  Record<PathParams<Resource["path"]>, string>
>;

/** What became of one object of a kind: the fields of its receipt, and how it is known. */
export type ResourceDeletion<Resource extends DeletableResource> =
  & {
    readonly [
      Field in Resource extends { echoes: readonly (infer Name extends string)[] } ? Name : "id"
    ]: string;
  }
  & { readonly type: `${Resource["name"]}_deleted` }
  & DeletionFacts;

/**
 * Deletes one object of a kind, and validates the receipt. A success that rests on absence takes three
 * looks. So does an answer that is no receipt. If a look finds the object, the deletion is repeated
 * once.
 */
export async function deleteResource<const Resource extends DeletableResource>(
  call: Call,
  resource: Resource,
  params: ResourceParams<Resource>,
  { allowMissing, mayBeDeletedAlready = false, lookFirst, missingAtOnce, check }: Absence = {},
): Promise<ResourceDeletion<Resource>> {
  const { facts, settings, signal } = call;
  const target = targetOf(call, resource, params);
  signal?.throwIfAborted();
  if (lookFirst) {
    const found = await look(target);
    if (!(found instanceof CallError)) check?.(readSuccess(found));
    else if (!(found instanceof NotFoundError) || (check && !mayBeDeletedAlready)) {
      throw withDoubt(call, found, mayBeDeletedAlready);
    }
  }
  let permit = await settings.pace?.permit(endOfWait(call)); // before the intent is written
  const deleted = (evidence: Evidence, { requestId, workspaceId }: Partial<Refusal>) => {
    const known = { evidence, attempts: facts.deletions, requestId, workspaceId };
    return defined({ ...target.receipt, ...known }); // nothing is copied from the wire
  };
  const act = async () => {
    for (let isLast = false;; isLast = true) {
      const reply = await target.send("DELETE", { permit });
      permit = undefined;
      let failure: CallError;
      try {
        checkReceipt(reply, target.receipt, resource.typeOptional);
        return deleted("receipt", reply.exchange);
      } catch (error) {
        const isNotFound = error instanceof NotFoundError;
        if (isNotFound) facts.mayBeDeleted ||= mayBeDeletedAlready || facts.wasThere;
        const isNoReceipt = error instanceof InvalidResponseError && error.status < 300;
        if (!isNoReceipt && !(isNotFound && (facts.mayBeDeleted || allowMissing))) throw error;
        failure = error;
      }
      const evidence = facts.mayBeDeleted ? "absent_after_retry" : "missing";
      if (!facts.mayBeDeleted && missingAtOnce) return deleted(evidence, failure);
      const found = await lookForAbsence(target);
      if (found instanceof NotFoundError) return deleted(evidence, found);
      const isThere = !(found instanceof CallError);
      if (isThere && !isLast) continue;
      // An unknown outcome is never passed on as "not found".
      if (failure instanceof NotFoundError) {
        failure = isThere ? invalidResponse(reply, "it is there") : found;
      }
      throw Object.assign(failure, { attempts: facts.deletions });
    }
  };
  const deletion = withAuditTrail(call, resource.name, target.id, () =>
    act().catch((error) => {
      throw withDoubt(call, error, mayBeDeletedAlready);
    }));
  return await deletion.finally(() => permit?.()) as ResourceDeletion<Resource>;
}

/** An error of a call. Its outcome is unknown as long as an attempt may have deleted the object. */
export function withDoubt(
  { facts, signal }: Call,
  error: unknown,
  mayBeDeletedAlready: boolean | undefined,
): unknown {
  const isDoubt = facts.mayBeDeleted || mayBeDeletedAlready;
  const isOurs = error instanceof CallError && !isAbort(error, signal);
  return isDoubt && isOurs ? Object.assign(error, { outcomeKnown: false }) : error;
}

/** Throws unless an answer is the receipt for an object. */
function checkReceipt(reply: Reply, receipt: Target["receipt"], typeOptional = false): void {
  const { type } = receipt;
  const members = { ...typeOptional && { type }, ...Object(readSuccess(reply)) };
  const issues = Object.entries(receipt).filter(([name, value]) => members[name] !== value)
    .map(([path, value]) => ({ path, message: `Expected ${JSON.stringify(value)}` }));
  if (issues.length > 0) throw invalidResponse(reply, issues);
}

/** One object of a kind. */
interface Target {
  readonly call: Call;
  /** The parameters that name it, in one text. */
  readonly id: string;
  /** The members of the receipt for its deletion. */
  readonly receipt: Readonly<Record<string, string>>;
  /** Sends a request about it: by default, one of its deletion. */
  send(
    method: ApiRequest["method"],
    more?: Pick<Partial<ApiRequest>, "operation"> & {
      readonly permit?: Permit | undefined;
      /** What its path ends in. */
      readonly suffix?: string;
    },
  ): Promise<Reply>;
}

function targetOf(call: Call, resource: DeletableResource, params: object): Target {
  const { name, path, betas = [] } = resource;
  // Each parameter is read once: the id that is sent is the id that is reported.
  const given = Object.fromEntries(
    paramsOf(resource).map((param) => [param, Reflect.get(params, param)]),
  );
  const filled = fillPath(path, given);
  const id = Object.values(given).join("/");
  const subject = `${name.replaceAll("_", " ")} ${JSON.stringify(id)}`;
  const isNamed = betas.some((beta) => call.betas.includes(beta));
  const asking = { ...call, betas: [...isNamed ? [] : betas.slice(0, 1), ...call.betas] };
  return {
    call,
    id,
    receipt: receiptOf(resource, given),
    send(method, { permit, suffix = "", operation = "delete" } = {}) {
      const request = { operation, subject, path: filled + suffix, pathTemplate: path + suffix };
      return send(asking, { ...request, method }, permit);
    },
  };
}

/** A message batch. */
export function batchTarget(call: Call, id: string): Target {
  return targetOf(call, messageBatch, { message_batch_id: id });
}

/** The members of the receipt for an object. */
export function receiptOf(
  { name, echoes }: DeletableResource,
  params: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const echoed = echoes?.map((param) => [param, params[param]]) ??
    [["id", Object.values(params).at(-1)]];
  return { ...Object.fromEntries(echoed), type: `${name}_deleted` };
}

/** How many looks in a row find nothing where an object counts as gone. */
export const looksForAbsence = 3; // the API was seen to answer 404 for a live batch for a moment

/**
 * Looks for an object until it is seen, three times at most, over 2.5 s. A success that rests on
 * absence takes all three.
 *
 * @returns The answer that shows it; the API's word that there is none; or an error that shows neither.
 * @throws What ends the call before it is known: an abort, or an error of the caller.
 */
export async function lookForAbsence(target: Target): Promise<Reply | CallError> {
  for (let looks = 1;; looks += 1) {
    const found = await look(target);
    if (!(found instanceof NotFoundError) || looks === looksForAbsence) return found;
    await pause(target.call, 500 + 500 * looks);
  }
}

/** Looks at an object once. Every kind has a GET at the path where it is deleted. */
async function look({ call, receipt, send }: Target): Promise<Reply | CallError> {
  try {
    const reply = await send("GET");
    const values = Object.values(Object(readSuccess(reply)));
    const { type: _, ...echoed } = receipt;
    const isIt = Object.values(echoed).every((value) => values.includes(value));
    if (!isIt) return invalidResponse(reply, "it is another object");
    call.facts.wasThere = true;
    return reply;
  } catch (error) {
    call.signal?.throwIfAborted();
    if (error instanceof CallError) return error;
    throw error;
  }
}

/** The names of the parameters of a kind, in the order of its path. */
export function paramsOf({ path }: DeletableResource): readonly string[] {
  return path.split(/[{}]/).filter((_, index) => index % 2 === 1);
}

/** Message Batches, as data. */
export const messageBatch = {
  name: "message_batch",
  path: "/v1/messages/batches/{message_batch_id}",
  prefixes: { message_batch_id: "msgbatch_" },
} as const;

/**
 * Deletes a Message Batch that has ended, its requests and results with it. This cannot be undone.
 *
 * @returns The deletion. Its `evidence` says how it is known: by a validated receipt, or by three
 *   looks that found no such batch.
 * @throws {NotEndedError} The batch is still being processed.
 * @throws {NotFoundError} No such batch, and `allowMissing` is not set.
 * @throws {InvalidResponseError} The answer is not a receipt for this batch, and looks settled nothing.
 * @throws {APIError} The API refused for another reason.
 * @throws {APIConnectionError | APITimeoutError} No answer came.
 * @throws {TypeError | RangeError} An argument cannot be used; no request was made.
 *
 * @example Delete one batch
 * ```ts
 * import { deleteMessageBatch } from "batchsweep";
 * import { createSandbox } from "batchsweep/sandbox"; // the API, played in memory
 *
 * const sandbox = createSandbox();
 * const { id } = sandbox.seed({ processing_status: "ended" });
 * const client = { apiKey: "sk-ant-api03-example", fetch: sandbox.fetch };
 *
 * const deletion = await deleteMessageBatch(client, id);
 * console.log(deletion.evidence); // "receipt"
 * ```
 * @see [Delete a Message Batch](https://platform.claude.com/docs/en/api/messages/batches/delete)
 */
export async function deleteMessageBatch(
  client: Client,
  id: string,
  options: DeleteOptions = {},
): Promise<Deletion> {
  const checked = checkOptions(options, deleteChecks);
  return await deleteBatch(createCall(checkClient(client), checked), id, checked);
}

/** Does what {@link deleteMessageBatch} does. */
export async function deleteBatch(
  call: Call,
  id: string,
  options: Absence = {},
): Promise<Deletion> {
  const params = { message_batch_id: id };
  try {
    return await deleteResource(call, messageBatch, params, options);
  } catch (error) {
    if (!mayMeanNotEnded(error)) throw error;
    const found = await look(batchTarget(call, id)).catch(() => undefined);
    const isThere = found !== undefined && !(found instanceof CallError);
    const { processing_status: status } = Object(isThere && readSuccess(found));
    endOfWait(call)?.throwIfAborted();
    // It ended meanwhile, or the refusal means something else: then it comes again.
    if (status === "ended") return await deleteResource(call, messageBatch, params);
    // An error repeats no other status: it would be a server's text.
    if (status !== "in_progress" && status !== "canceling") throw error;
    const why = `it is ${status}`;
    throw new NotEndedError({ ...error, why, processingStatus: status, outcomeKnown: true });
  }
}

/**
 * Whether a refusal may mean that the batch has not ended, or, of a cancellation, that it has. How the
 * API refuses these is published nowhere: look at the batch.
 */
export function mayMeanNotEnded(error: unknown): error is APIError {
  return error instanceof APIError && [400, 409, 422].includes(error.status);
}
