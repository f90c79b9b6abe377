/**
 * Deletes the batch that the path of a request names: what a user would write for a Worker.
 *
 * @module
 */
import { deleteMessageBatch } from "../../../mod.ts";

interface Variables {
  readonly API: string;
  readonly KEY: string;
}

export default {
  async fetch(request: Request, { API, KEY }: Variables): Promise<Response> {
    const id = new URL(request.url).pathname.slice(1);
    return Response.json(await deleteMessageBatch({ apiKey: KEY, baseUrl: API }, id));
  },
};
