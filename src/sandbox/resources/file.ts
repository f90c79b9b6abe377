import type { Resource } from "../resource.ts";

/**
 * A file. The documentation lets the answer's `type` be left out.
 *
 * @see [Delete File](https://platform.claude.com/docs/en/api/files/delete)
 */
export const file: Resource<"file", "file_id"> = {
  type: "file",
  path: "/v1/files/{file_id}",
  prefixes: { file_id: "file" },
  answer: { id: "{file_id}", type: "file_deleted" },
};
