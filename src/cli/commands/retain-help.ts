/** What the help of `retain` says after its options. */
export const retainHelp = `
A policy is JSON. A batch goes only if it has ended, is not held, has reached
the minimum age (an hour, if none is given), and every rule lets it go:
  {
    "version": 1,
    "rules": [
      { "type": "delete_after", "days": 30, "since": "ended" },
      { "type": "keep_last", "count": 100 }
    ],
    "holds": ["msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d"],
    "minimumAge": "PT12H"
  }
delete_after counts days of 24 hours, since a batch "ended" or was "created";
keep_last keeps the newest, whatever their age.

Examples:
  $ batchsweep retain --policy policy.json
  $ batchsweep retain --policy policy.json --plan-out plan.json
  $ batchsweep retain --policy policy.json --max-share 50% --audit a.jsonl --yes

It shows what it is about to do and asks; without a terminal it deletes
nothing unless --yes is given. A plan says for every batch why it is kept or
goes; batchsweep purge --plan applies it. What is held by the policy that
RETENTION_POLICY has, if it is set, stays too.

Under Deno, files need --allow-read and --allow-write for the folder they are
in, and that variable --allow-env=RETENTION_POLICY: without it, nothing is
deleted.`;
