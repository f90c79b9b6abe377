/**
 * What the help of `audit` and of the commands below it says.
 *
 * @module
 */

/** Of `audit`. */
export const auditHelp = `
Examples:
  $ batchsweep purge --older-than 30d --audit audit.jsonl --yes
  $ batchsweep audit verify audit.jsonl

A record goes to FILE, its seals to FILE.seals. purge and retain seal what
they have recorded at their end, and print the head: how many lines are
sealed, and the hash of the last. Neither command needs a key, and none calls
the API.`;

const deno = (permissions: string) => `

Under Deno, the folder of the file needs ${permissions}.`;

/** Of `audit verify`. */
export const verifyHelp: string = `
Examples:
  $ batchsweep audit verify audit.jsonl
  $ batchsweep audit verify audit.jsonl --head "$(cat audit.head)" --json

It names the first line that was changed, taken out, put in or moved since it
was sealed. Whoever can write the file and its seals can cut both, or make
both anew: that only a head shows which was written down where they cannot
write. A line that is no entry is what a crash can leave; it is named, and
speaks against nothing.

The exit code is 0 where nothing speaks against the trail, 1 where something
does or no line is sealed, 2 where a file cannot be read.${deno("--allow-read")}`;

/** Of `audit seal`. */
export const sealHelp: string = `
Examples:
  $ batchsweep audit seal audit.jsonl > audit.head

A trail that is not as it was sealed is not sealed further: the exit code is
1, and nothing is written. Others may write to the trail and seal it
meanwhile.${deno("--allow-read and --allow-write")}`;
