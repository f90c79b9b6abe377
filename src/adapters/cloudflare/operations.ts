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
  const find = async (id: string) => {
    try {
      return await workflow.get(id);
    } catch (error) {
      if (String(error).includes("instance.not_found")) return undefined;
      throw error;
    }
  };
  const goesOn = async (instance: WorkflowInstance) => {
    const { status } = await instance.status();
    return !["complete", "errored", "terminated"].includes(status);
  };
  return {
    async start(id) {
      try {
        await workflow.create({ id });
      } catch (error) {
        const instance = await find(id);
        if (instance === undefined) throw error;
        if (!await goesOn(instance)) await instance.restart();
      }
    },
    async isRunning(id) {
      const instance = await find(id);
      return instance !== undefined && await goesOn(instance);
    },
  };
}
