/**
 * The kinds of objects that the command deletes: message batches, and every kind of the registry.
 *
 * @module
 */
import type { Client } from "../core/client.ts";
import { deleteMessageBatch, messageBatch } from "../core/delete.ts";
import {
  type DeletableResource,
  type DeleteOptions,
  deleteResource,
  type Evidence,
} from "../core/resource.ts";
import * as registry from "../resources/registry.ts";
import { parseId } from "./input/parse-id.ts";

/** A kind of object, and how one is deleted. */
export interface Kind {
  readonly resource: DeletableResource;
  /**
   * Deletes one object.
   *
   * @param client Who calls, and how.
   * @param id What names it: the parameters of its path, joined with slashes.
   * @param options Options of the call.
   */
  delete(client: Client, id: string, options: DeleteOptions): Promise<{
    readonly evidence: Evidence;
    readonly requestId?: string | undefined;
  }>;
}

/** Message batches, which are deleted where no kind is named. */
export const messageBatches: Kind = { resource: messageBatch, delete: deleteMessageBatch };

/** Every kind, message batches first. */
export const kinds: readonly Kind[] = [
  messageBatches,
  ...Object.values(registry).map(({ resource }) => kindOf(resource)),
];

/** The name of a kind on the command line: `memory-store`. */
export function commandOf({ resource }: Kind): string {
  return resource.name.replaceAll("_", "-");
}

function kindOf(resource: DeletableResource): Kind {
  return {
    resource,
    delete: (client, id, options) =>
      deleteResource(client, resource, parseId(resource, id), options),
  };
}
