/**
 * Operations as instances of a Cloudflare Workflow, each with the id of its operation.
 *
 * @module
 */
import type { Operations } from "../../service/mod.ts";

declare global {
  /** The part of the binding of a Workflow that this file uses. */
  interface Workflow<_Params = unknown> {
    /** Rejects if there is an instance with this id. */
    create(options: { readonly id: string }): Promise<WorkflowInstance>;
    /** Rejects if there is none. */
    get(id: string): Promise<WorkflowInstance>;
  }
}

interface WorkflowInstance {
  status(): Promise<{ readonly status: string }>;
  restart(): Promise<void>;
}

/** Runs operations in a Workflow, whose instances call `operate()` of the service. */
export function createWorkflowOperations(workflow: Workflow): Operations {
  return {
    async start(id) {
      try {
        await workflow.create({ id });
      } catch {
        const instance = await workflow.get(id);
        if (await isOver(instance)) await instance.restart();
      }
    },
    async isRunning(id) {
      try {
        return !await isOver(await workflow.get(id));
      } catch (error) {
        if (String(error).includes("instance.not_found")) return false;
        throw error;
      }
    },
  };
}

async function isOver(instance: WorkflowInstance): Promise<boolean> {
  const { status } = await instance.status();
  return ["complete", "errored", "terminated"].includes(status);
}
