/** The commands, as data. */
import { scopes } from "../config/mod.ts";
import { type DeletableResource, messageBatch, paramsOf } from "../core/delete.ts";
import { commandOf, kinds } from "./ids.ts";
import type { Action, OptionName } from "./options.ts";
import { adminKeyVariable, tokenVariable } from "./output.ts";
import { withArticle, words, wrap } from "./text.ts";

type Refusal = readonly [options: readonly OptionName[], why: string];

/** A command: its help, what it takes, and the action, which is loaded when it runs. */
export interface CommandSpec {
  readonly name: string;
  readonly description: string;
  /** One line, if the description is not one. */
  readonly summary?: string | undefined;
  readonly argument?: readonly [name: string, help: string] | undefined;
  readonly options?: readonly OptionName[] | undefined;
  /** Options under a heading of their own. */
  readonly group?: readonly [heading: string, options: readonly OptionName[]] | undefined;
  /** Options that it refuses, and why. */
  readonly refuses?: readonly Refusal[] | undefined;
  /** Options that must be given, and what they say here. */
  readonly needs?: { readonly [Name in OptionName]?: string } | undefined;
  readonly help?: string | undefined;
  readonly load?: (() => Promise<Action>) | undefined;
  /** The heading that it stands under. */
  readonly under?: string | undefined;
  readonly below?: readonly CommandSpec[] | undefined;
}

const call = ["json", "verbose", "baseUrl", "requestTimeout", "maxRetries"] as const;
const run = ["dryRun", "audit", "actor", "reason", "concurrency"] as const;
const plan = [
  ...run,
  "yes",
  "planOut",
  "export",
  "archived",
  "clockSkew",
  "hold",
  "holds",
] as const;
const known = ["allowMissing", "insist"] as const;
const ages = ["olderThan", "endedFor", "createdBefore", "createdAfter"] as const;
const conditions = [...ages, "endedBefore", "endedAfter", "status"] as const;
const filter = [...conditions, "max", "all"] as const;
const planned = ["policy", "plan", "allowOtherKey", "cancel", "cancelTimeout"] as const;
const filterHeading = "Which batches (all conditions must hold):";

const asks = `It shows what it would delete, and asks. Without a terminal it deletes nothing
unless you say --yes.`;
const idsHelp = "ids, @FILE, or - for stdin; without any, stdin";
const exampleId = "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d";

const first = [
  "cancel",
  "wait",
  "timeout",
  "export",
  "archived",
  "hold",
  "holds",
  "policy",
] as const;
const batchOptions = { group: ["Before message batches are deleted:", first] } as const;
const noFilter: Refusal = [
  filter,
  "with delete, which takes ids: batchsweep purge deletes by a filter",
];

const deleteHelp = (command: string, id: string, more: string) => `
Examples:
  $ batchsweep ${command} ${id}
  $ batchsweep ${command} --json --allow-missing @ids.txt${more}`;

const batchHelp = (command: string, id: string) => `
  $ batchsweep ${command} --cancel --timeout 30m ${id}
  $ batchsweep ${command} --wait --export results < ids.txt

A batch that has not ended is skipped, and the exit code is 1. --cancel cancels
it, waits and deletes it; --wait only waits. If --timeout runs out, it is not
deleted, its cancellation is not taken back, and the exit code is 3.

--export saves results as DIRECTORY/ID.jsonl. A batch whose results cannot be
saved whole is skipped. Results are gone 29 days after a batch was created. Such
a batch is skipped, too; --archived delete deletes it.`;

const adminHelp = `

It takes the administrator's key from ${adminKeyVariable}, and no other. Deno
needs --allow-env=${adminKeyVariable}.`;

const byId = async (...row: Parameters<typeof import("./by-id.ts").byId>): Promise<Action> =>
  (await import("./by-id.ts")).byId(...row);

/** `delete KIND`. */
function deleteKind(resource: DeletableResource): CommandSpec {
  const { name, administrative, prefixes } = resource;
  const params = paramsOf(resource);
  const id = params.map((param) => `${prefixes[param] ?? ""}…`).join("/");
  const form = params.join("/");
  const isPlain = resource === messageBatch;
  const line = `delete ${commandOf(resource)}`;
  return {
    name: commandOf(resource),
    summary: `Delete ${withArticle(name)}, ${isPlain ? "as without a kind" : `by ${form}`}`,
    description: `Delete one ${words(name)} or more. This cannot be undone`,
    argument: [`[${form}...]`, idsHelp],
    options: [...run, ...known, ...call],
    ...isPlain ? batchOptions : {},
    refuses: isPlain ? [noFilter] : [
      noFilter,
      [first, `for ${withArticle(name)}: it is for message batches`],
    ],
    help: deleteHelp(line, id, isPlain ? batchHelp(line, id) : "") +
      (administrative ? adminHelp : ""),
    load: () => byId("delete", resource),
    under: administrative ? `Kinds that take ${adminKeyVariable}:` : undefined,
  };
}

const trailArgument = ["<trail>", "a file, a SQLite database, or a URL"] as const;

/** All commands, in the order of the help. */
export const commands: readonly CommandSpec[] = [
  {
    name: "list",
    description: "List message batches, the newest first. It changes nothing",
    options: ["limit", "clockSkew", ...call],
    group: [filterHeading, conditions],
    help: `
Examples:
  $ batchsweep list
  $ batchsweep list --status in_progress,canceling
  $ batchsweep list --older-than 7d --json | jq -r .id

--older-than also lists batches in progress. A purge never deletes those by age:
batchsweep purge --dry-run shows what it would delete. A narrow terminal gets
fewer columns. --json prints each batch as the API gives it.`,
    load: async () => (await import("./list.ts")).runList,
  },
  {
    name: "show",
    description: "Show one message batch. It changes nothing",
    argument: ["<id>", "id of the batch"],
    options: ["insist", ...call],
    help: `
Examples:
  $ batchsweep show ${exampleId}
  $ batchsweep show --json ${exampleId} | jq .ended_at`,
    load: async () => (await import("./list.ts")).runShow,
  },
  {
    name: "cancel",
    description: "Cancel message batches that are in progress",
    argument: ["[ids...]", idsHelp],
    options: ["wait", "timeout", ...run, ...known, ...call],
    help: `
Examples:
  $ batchsweep cancel msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep cancel --wait --timeout 30m --json @ids.txt
  $ batchsweep list --status in_progress --json | jq -r .id | batchsweep cancel

A canceled batch ends soon, not at once, and keeps the results it has by then. A
batch that has ended already is no failure. With --wait, the exit code is 3 if a
batch has not ended in time. To delete it too: batchsweep delete --cancel.`,
    load: () => byId("cancel"),
  },
  {
    name: "delete",
    description:
      "Delete message batches that have ended, or objects of another kind. This cannot be undone",
    argument: ["[ids...]", idsHelp],
    options: [...run, ...known, ...call],
    ...batchOptions,
    refuses: [noFilter],
    help: deleteHelp("delete", exampleId, batchHelp("delete", exampleId)),
    load: () => byId("delete"),
    below: kinds.map(deleteKind),
  },
  {
    name: "export",
    description: "Save the results of message batches. It deletes nothing",
    argument: ["[ids...]", idsHelp],
    options: ["to", "wait", "timeout", "insist", ...call],
    help: `
Examples:
  $ batchsweep export msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d
  $ batchsweep export --to archive --wait @ids.txt

Results are saved whole or not at all, as DIRECTORY/ID.jsonl, and a file that
exists is never replaced. A batch that has not ended is skipped; with --wait it
is waited for. To delete the batches too: batchsweep delete --export.`,
    load: () => byId("export"),
  },
  {
    name: "purge",
    description: "Delete many message batches, by ids or by a filter. This cannot be undone",
    argument: ["[ids...]", "ids in the place of a filter, @FILE, or - for stdin"],
    options: [...plan, ...planned, ...known, ...call],
    group: [filterHeading, filter],
    help: `
${asks}
It deletes exactly what it has shown.

Examples:
  $ batchsweep purge --older-than 30d --dry-run
  $ batchsweep purge --older-than 7d --export results --audit audit.jsonl
  $ batchsweep purge --status ended --max 100
  $ batchsweep purge --all --cancel --holds keep.txt --yes
  $ batchsweep purge --json --yes @ids.txt

  Read a plan before you apply it. If applying is stopped, the same line goes on:
  $ batchsweep purge --older-than 30d --plan-out plan.json
  $ batchsweep purge --plan plan.json --audit audit.jsonl --yes

A batch that has not ended is kept. --cancel cancels it, waits and deletes it,
if you give its id, or a filter without an age. An id that is not in the
workspace counts as failed. --json prints the outcome of each batch as it
happens, and {"summary":{…}} at the end.`,
    load: async () => (await import("./purge.ts")).runPurge,
  },
  {
    name: "retain",
    description: "Delete the message batches that a policy does not keep. This cannot be undone",
    options: [...plan, "maxShare", ...call],
    needs: { policy: "what is kept how long, as JSON" },
    help: `
A batch is deleted only if it has ended, is not held, has reached the minimum
age (default: one hour), and every rule of the policy lets it go:
  { "version": 1,
    "rules": [{ "type": "delete_after", "days": 30, "since": "ended" },
              { "type": "keep_last", "count": 100 }],
    "holds": ["msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d"], "minimumAge": "PT12H" }
delete_after counts days of 24 hours since a batch "ended" or was "created".
keep_last keeps the newest by creation, whatever their age.

Examples:
  $ batchsweep retain --policy policy.json
  $ batchsweep retain --policy policy.json --plan-out plan.json
  $ batchsweep retain --policy policy.json --max-share 50% --audit a.jsonl --yes

${asks}
A plan says for every batch why it is kept or deleted; batchsweep purge --plan
applies it.`,
    load: async () => (await import("./purge.ts")).runRetain,
  },
  {
    name: "audit",
    description: "Read and verify an audit trail",
    help: `
Examples:
  $ batchsweep purge --older-than 30d --audit audit.jsonl --yes
  $ batchsweep audit head audit.jsonl > audit.head
  $ batchsweep audit verify audit.jsonl --head "$(cat audit.head)"
  $ batchsweep audit report batchsweep.sqlite
  $ batchsweep audit export https://batchsweep.example.com/audit > audit.jsonl

A trail is a file of --audit, the SQLite database of the service, or the URL of
the service's /audit, with or without ?id=, since= and until=. For a URL, set
${tokenVariable} to a token that allows audit:read.

The head is the number of bytes of the trail, and their SHA-256. Every command
with --audit prints it at its end. Keep it where those who can change the trail
cannot change it. No command of audit needs a key, calls the API or changes a
trail.

The exit code is 1 if the trail was changed, 2 if it cannot be read, and 4 if
there is no token or it is refused.`,
    below: [
      {
        name: "verify",
        description: "Verify that a trail is unchanged, and that it can be read",
        argument: trailArgument,
        options: ["head", "json"],
        help: `
Examples:
  $ batchsweep audit verify audit.jsonl
  $ batchsweep audit verify audit.jsonl --head "$(cat audit.head)" --json

With a head that you kept, it says whether everything up to there is unchanged,
as "head -c BYTES FILE | sha256sum" does. It names each line that is no entry,
which a crash can leave, and each deletion whose outcome is unknown.`,
        load: async () => (await import("./audit.ts")).runVerify,
      },
      {
        name: "report",
        description: "Report what was asked for, by whom, and what became of it",
        argument: trailArgument,
        options: ["head", "json"],
        load: async () => (await import("./audit.ts")).runReport,
      },
      {
        name: "export",
        description: "Write a trail to stdout as JSON lines, and its head to stderr",
        argument: trailArgument,
        load: async () => (await import("./audit.ts")).runExportTrail,
      },
      {
        name: "head",
        description: "Print the head of a trail, for you to keep elsewhere",
        argument: trailArgument,
        load: async () => (await import("./audit.ts")).runHead,
      },
    ],
  },
  {
    name: "token",
    description: "Make tokens for the gateway of the service",
    below: [{
      name: "create",
      description: "Make a token, and its row for GATEWAY_TOKENS",
      argument: ["<name>", "whose it is, for the audit trail"],
      options: ["allow", "expires", "minDaysSinceEnded", "maxDeletesPerDay", "json"],
      help: `
Examples:
  $ batchsweep token create nightly-job
  $ batchsweep token create team --allow batches:read,batches:delete \\
      --min-days-since-ended 30 --max-deletes-per-day 100 --expires 2027-06-30

The token is shown once. The row has only its SHA-256: add it to the JSON list in
GATEWAY_TOKENS. Scopes, with commas between them:
${wrap(`  ${scopes.join(", ")}`, 80)}`,
      load: async () => (await import("./token.ts")).runCreateToken,
    }],
  },
  {
    name: "sandbox",
    description: "Play the Message Batches API locally",
    options: ["seed", "rate", "fault", "latency", "port", "json"],
    help: `
Examples:
  $ batchsweep sandbox
  $ batchsweep sandbox --seed 250 --rate 50/s --latency 300ms
  $ batchsweep sandbox --seed batches.json --fault 'lost-answer 5%'
  $ batchsweep sandbox --port 0 --json

It listens on 127.0.0.1, takes any key, and forgets everything when it stops. A
batch in progress ends after a minute, a canceling one after ten seconds.

--seed 250 makes 250 batches of the last 60 days. Of 25, one is in progress and
one is canceling. --seed FILE reads a JSON object for each batch, in a list or
on lines:
  age                how long ago it was created: 40d, 12h or 30m
  processing_status  in_progress, canceling or ended (default: ended)
  requests           number of its requests (default: 1)
  count              number of batches like this (default: 1)
Other members are the API's own, so the file may be what batchsweep list --json
prints.

--rate 50/s lets 50 requests through at once, and then 50 a second. The others
are answered 429. Every answer has the API's limit headers.

A fault strikes once, or with a chance: 'overloaded 5%'. There are:
  lost-answer   a batch is deleted, and the connection breaks before the answer
  lost-request  the connection breaks before a batch is deleted
  cut-answer    a batch is deleted, and the answer breaks off half-way
  not-found     404 for a batch that is there
  rate-limited  429, to be repeated after a second
  server-error  500
  overloaded    529`,
    load: async () => (await import("./sandbox.ts")).runSandbox,
  },
];
