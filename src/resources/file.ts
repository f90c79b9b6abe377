import { defineResource, type DeleteFunction } from "../core/resource.ts";

const file = {
  name: "file",
  path: "/v1/files/{file_id}",
  type: "file_deleted",
  typeOptional: true,
  echoes: { id: "file_id" },
  prefixes: { file_id: "file_" },
} as const;

/**
 * Deletes a file. This cannot be undone.
 *
 * @see [Delete a file](https://platform.claude.com/docs/en/api/files/delete)
 */
export const deleteFile: DeleteFunction<typeof file> = /* @__PURE__ */ defineResource(file);
