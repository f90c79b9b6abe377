/**
 * Operations: a batch that has not ended is canceled, waited for and deleted, after the webhook that
 * asks for it was answered. The id of an operation is the id of its batch, so a batch has one at most.
 *
 * @module
 */
import { retrieveBatch } from "../core/batches.ts";
import { defined, isArgumentError, isFunction } from "../core/check.ts";
import { checkClient } from "../core/client.ts";
import { BatchsweepError, NotFoundError } from "../core/errors.ts";
import { type Call, createCall } from "../core/send.ts";
import { cancelAndDelete, memorySteps, stepConfig, type Steps } from "../purge/wait.ts";
import type { Operation, Storage } from "../storage/mod.ts";
import { type Context, nowOf, type State } from "./context.ts";
import {
  callFor,
  checkHold,
  heldProblem,
  isHeld,
  recall,
  recordingClient,
  tookTooLong,
  type Wanted,
} from "./deletion.ts";
import { authorize } from "./gateway.ts";
import { noteError, notRecorded, Problem, toProblem } from "./problem.ts";

/** What runs operations: each by `operate()` of the service. */
export interface Operations {
  /** Begins an operation, unless it goes on. */
  start(id: string): Promise<void>;
  /** Whether an operation goes on. If it does not, and has no result, it was cut off. */
  isRunning(id: string): Promise<boolean>;
}

/**
 * Runs operations in this process. What it leaves open when it ends, `settle()` takes up in the next.
 *
 * @param operate `operate()` of the service.
 * @param concurrency How many run at once. The others wait.
 */
export function createOperations(
  operate: (id: string) => Promise<void>,
  concurrency: number = 500,
): Operations & {
  /** Resolves when none goes on. */
  idle(): Promise<void>;
} {
  isFunction(operate, "operate");
  const underWay = new Map<string, Promise<void>>();
  const waiting: (() => void)[] = [];
  let free = concurrency;
  const run = async (id: string) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    await operate(id).catch(() => {}); // the log says why
    underWay.delete(id);
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async start(id) {
      if (!underWay.has(id)) underWay.set(id, run(id));
      await Promise.resolve();
    },
    isRunning: (id) => Promise.resolve(underWay.has(id)),
    idle: async () => void await Promise.all(underWay.values()),
  };
}

/**
 * Begins the operation that a webhook asks for, or finds the one that goes on.
 *
 * @returns 202; or `undefined`: the batch has ended, or is gone, and can be deleted at once.
 */
export async function startOperation(
  context: Context,
  wanted: Wanted,
): Promise<Response | undefined> {
  const { state, line, limit } = context;
  const { id, webhookId } = wanted;
  Object.assign(line, { id, webhookId, outcome: "failed" });
  await checkHold(state, id);
  try {
    const call = callFor(context, recordingClient(context), {});
    const { processing_status } = await retrieveBatch(call, id);
    if (processing_status === "ended") return undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined; // the deletion makes sure
    throw limit.aborted ? tookTooLong(context, true) : error;
  }
  const { operations, storage } = runnerOf(state);
  if (!/^\w[\w-]{0,99}$/.test(id)) {
    const detail = "Cannot cancel the message batch: its id cannot be the id of an operation";
    throw new Problem(400, detail);
  }
  const startedAt = new Date(nowOf(state)).toISOString();
  await storage.saveOperation({ id, startedAt, webhookId, looks: 0 });
  await operations.start(id);
  line["outcome"] = "running";
  const headers = { location: `/operations/${id}` };
  return await answerOperation(state, id, { status: 202, headers });
}

function runnerOf({ operations, storage }: State) {
  if (operations !== undefined && storage !== undefined) return { operations, storage };
  const why = "(in a Worker: bind the Workflow OPERATIONS and the D1 database DB)";
  throw new Problem(501, `Cannot cancel message batches: nothing runs operations ${why}`);
}

/** `GET /operations/{id}`: what became of an operation, for a token with `operations:read`. */
export async function readOperation(request: Request, context: Context): Promise<Response> {
  await authorize(request, context, "operations:read");
  const [id = ""] = new URL(request.url).pathname.split("/").slice(-1);
  return await answerOperation(context.state, id);
}

async function answerOperation(state: State, id: string, init?: ResponseInit): Promise<Response> {
  const { operations, storage } = runnerOf(state);
  const isRunning = await operations.isRunning(id); // asked first: it may end meanwhile
  const operation = await storage.operation(id);
  if (operation === undefined) throw new Problem(404, "There is no such operation");
  const isOpen = operation.endedAt === undefined;
  const error = isOpen && !isRunning ? cutOff : operation.error;
  const mayBeElse = !isOpen && (error !== undefined || operation.evidence === "missing");
  // The audit trail knows whether any other call has deleted the batch.
  const { answer } = mayBeElse ? await recall(state, { id, webhookId: "" }) : {};
  const of = answer ? "succeeded" : error ? "failed" : isOpen ? "running" : "succeeded";
  const found = answer ? { ...answer, type: undefined } : { error };
  return Response.json({ state: of, ...operation, error: undefined, ...found }, init);
}

const cutOff: Operation["error"] = {
  code: "ERR_INTERRUPTED",
  message: "The operation was cut off: ask for it again",
  outcomeKnown: false,
};

/** Goes on with the operations that are open. */
export async function takeUpOperations({ state, line }: Context): Promise<void> {
  const { operations, storage } = state;
  try {
    for (const id of await storage?.openOperations() ?? []) await operations?.start(id);
  } catch (error) {
    noteError(line, error);
    throw error;
  }
}

/**
 * Runs an operation to its end, and stores its result. It looks at the batch before it acts, so it can
 * always be run again. If it is stopped, or its engine fails, it throws and stays open.
 *
 * @param engine Runs its steps.
 */
export async function operate(context: Context, id: string, engine?: Steps): Promise<void> {
  const { line, state, stop } = context;
  line["id"] = id;
  try {
    const { storage } = runnerOf(state);
    const read = async () => await storage.operation(id) ?? null;
    const operation = await (engine?.do("operation", stepConfig, read) ?? read());
    if (operation === null || operation.endedAt !== undefined) return;
    await run(context, storage, operation, engine);
  } catch (error) {
    if (!stop.aborted) noteError(line, error);
    throw error;
  }
}

async function run(
  context: Context,
  storage: Storage,
  operation: Operation,
  engine: Steps | undefined,
): Promise<void> {
  const { state, line, limit, stop } = context;
  const { id, webhookId } = operation;
  const settings = checkClient(recordingClient(context));
  const waitSignal: Call["waitSignal"] = ({ mayBeDeleted }) => mayBeDeleted ? limit : stop;
  const call = createCall(settings, { signal: limit }, waitSignal, { webhookId });
  const { facts } = call;
  const steps = engine ?? memorySteps(call);

  let isNew = false; // an engine may give the result of an earlier run
  const guarded: Steps = {
    async do(name, config, act) {
      stop.throwIfAborted();
      const done = await steps.do(name, config, async (step) => {
        isNew = true;
        return await isHeld(state, id) ? { held: true } as const : { result: await act(step) };
      });
      if ("held" in done) throw heldProblem(id);
      return done.result;
    },
    async sleep(name, duration) {
      const soFar = { ...operation, looks: facts.looks };
      if (isNew) await storage.saveOperation(soFar).catch(() => {}); // its end counts
      isNew = false;
      await steps.sleep(name, duration);
    },
  };

  let end: Partial<Operation>;
  try {
    const known = await guarded.do("recall", stepConfig, () => recall(state, { id, webhookId }));
    const options = { allowMissing: true, mayBeDeletedAlready: known.doubt, steps: guarded };
    const deletion = known.answer ?? await cancelAndDelete(call, id, options);
    const { type: _, auditError, ...found } = deletion;
    noteError(line, auditError);
    end = auditError === undefined ? found : { ...found, auditError: notRecorded };
  } catch (error) {
    // Anything else is an abort, or comes from the engine.
    if (!(error instanceof BatchsweepError || error instanceof Problem || isArgumentError(error))) {
      throw error;
    }
    if (error instanceof BatchsweepError) noteError(line, error.auditError);
    const { message, members } = toProblem(error, line);
    const { code = "ERR_CONFIGURATION", outcomeKnown = true } = members;
    end = { error: { code: String(code), message, outcomeKnown: outcomeKnown === true } };
  }
  const { looks, canceled } = facts;
  const { error, ...deletion } = end;
  const outcome = error ? "failed" : deletion.evidence === "missing" ? "missing" : "deleted";
  Object.assign(line, defined({ webhookId, outcome, looks, canceled, ...deletion }), error);
  await steps.do("record", stepConfig, async () => {
    const endedAt = new Date(settings.clock.now()).toISOString();
    await storage.saveOperation({ ...operation, looks, canceled, ...end, endedAt });
    return endedAt;
  });
}
