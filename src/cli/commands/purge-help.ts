/** What the help of `purge` says after its options. */
export const purgeHelp = `
It shows what it is about to do and asks. What is shown is what is deleted: a
batch that arrives meanwhile stays. Without a terminal it deletes nothing
unless --yes is given.

Examples:
  $ batchsweep purge --older-than 30d --dry-run
  $ batchsweep purge --older-than 7d --export results --audit audit.jsonl
  $ batchsweep purge --status ended --max 100
  $ batchsweep purge --all --cancel --holds keep.txt --yes
  $ batchsweep purge --json --yes < ids.txt

  Let somebody look at a plan before it is applied; go on if it was stopped:
  $ batchsweep purge --older-than 30d --plan-out plan.json
  $ batchsweep purge --plan plan.json --audit audit.jsonl --yes

A batch that has not ended is kept; with --cancel it is canceled, waited for
and deleted, if it is named by its id, or meant by a filter that says nothing
of age. Of ids that are given, one that is not in the workspace is failed, and
one that is kept is skipped. --json prints the outcome of each batch as it
happens, and {"summary":{…}} at the end; with --dry-run, what would be done.

Under Deno, files need --allow-read and --allow-write for the folder they are
in.`;
