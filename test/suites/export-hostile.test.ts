import { describe, expect, inject, test } from "vitest";
import { exportMessageBatchResults } from "../../mod.ts";
import { everythingIn } from "../fixtures/everything-in.ts";
import { hostileRun } from "../fixtures/hostile-run.ts";
import { createMemorySink } from "../fixtures/memory-sink.ts";
import { linesOf } from "../fixtures/result-lines.ts";
import { batchWith, sha256Of } from "../fixtures/results.ts";
import { apiKey, stub } from "../fixtures/stub.ts";

const server = inject("hostileServer");
const results = linesOf(500);

/** What an export must end in: results, or an error's code with what else it says. */
interface Expected {
  readonly lines?: number;
  readonly code?: string;
  readonly status?: number;
  readonly requests?: number;
}

const whole = { lines: 500, requests: 1 };
const again = { lines: 500, requests: 2 };
const lost = { code: "ERR_CONNECTION", requests: 3 };
const invalid = { code: "ERR_INVALID_RESPONSE", status: 200, requests: 1 };

/** What the server does, a behaviour per request, and what the export must end in. */
const table: Readonly<Record<string, Expected>> = {
  "results": whole,
  "results-chunked": whole,
  "results-until-close": whole,
  "results-gzipped": whole,
  "results-slowly": whole,

  "results-reset": lost,
  "results-closed": lost,
  "results-chunk-closed": lost,
  "results-gzip-closed": lost,
  "reset": lost,
  "garbage": lost,
  "results-reset,results": again,
  "results-closed,results-chunked": again,
  "results-chunk-closed,results-gzipped": again,
  "results-gzip-closed,results": again,
  "results-reset,reset,results": { lines: 500, requests: 3 },
  "results-reset,529,results": { lines: 500, requests: 3 },
  "500,results-closed,results": { lines: 500, requests: 3 },
  "results-stall,results": again,
  "silence,results": again,

  "results-stall": { code: "ERR_TIMEOUT", requests: 2 },
  // Not after a reset, which takes with it what a busy machine has not read yet.
  "results-stall,results-changed": { ...invalid, requests: 2 },
  "results-reset,html": { ...invalid, requests: 2 },
  "results-reset,empty": { ...invalid, requests: 2 },
  "results-reset,not-found": { code: "ERR_NOT_FOUND", status: 404, requests: 2 },
  "results-half-until-close": invalid,
  "results-one-less": invalid,
  // Some runtimes take the end of what is compressed for the end of the text.
  "results-gzip-cut": {},
  "results-forever": invalid,
  "html": invalid,
  "empty": invalid,
  "redirect-302": { ...invalid, status: 302 },
  "redirect-307": { ...invalid, status: 307 },
  "401": { code: "ERR_API", status: 401, requests: 1 },
  "403-html": { code: "ERR_API", status: 403, requests: 1 },
  "not-found": { code: "ERR_NOT_FOUND", status: 404, requests: 1 },
  "429-spent": { code: "ERR_API", status: 429, requests: 1 },
  "500-endless": { code: "ERR_API", status: 500, requests: 3 },
  "529": { code: "ERR_API", status: 529, requests: 3 },
};

describe("exportMessageBatchResults() before a hostile server ends as it must at", () => {
  for (const [behaviours, { requests, ...expected }] of Object.entries(table)) {
    test(behaviours, async () => {
      using run = hostileRun(behaviours);
      const batch = batchWith(500, {
        results_url: `${run.client.baseUrl}/v1/messages/batches/msgbatch_1/results`,
      });
      const { sink, text, state } = createMemorySink();
      const result: unknown = await exportMessageBatchResults(run.client, batch, sink)
        .catch((error: unknown) => error);
      expect(result).toMatchObject(expected);
      expect(everythingIn(result)).not.toContain(apiKey);
      const seen = await run.seen();
      expect([seen.length, run.events.length]).toEqual(Array(2).fill(requests ?? seen.length));
      if (expected.lines === undefined) {
        expect([state(), results.startsWith(text())]).toEqual(["aborted", !/html/.test(text())]);
        return;
      }
      expect(result).toHaveProperty("sha256", await sha256Of(results));
      expect([state(), text() === results]).toEqual(["closed", true]);
    });
  }

  test("another origin, which sees no header of the client", async () => {
    const run = crypto.randomUUID();
    const batch = batchWith(500, {
      results_url: `${server}/results-reset,results/${run}/v1/messages/batches/msgbatch_1/results`,
    });
    const client = {
      apiKey,
      baseUrl: inject("server"),
      workspaceId: "wrkspc_sentinel",
      headers: { "x-gateway": "gateway-sentinel" },
      clock: stub([]).clock,
    };
    const { sink, text } = createMemorySink();
    const { lines } = await exportMessageBatchResults(client, batch, sink);
    expect([lines, text() === results]).toEqual([500, true]);
    const heads: string[] = await (await fetch(`${server}/seen/${run}`)).json();
    expect(heads).toHaveLength(2);
    expect(heads.join()).toMatch(/^GET /);
    expect(heads.join()).not.toMatch(/sentinel|x-api-key|authorization|x-gateway|anthropic/i);
  });

  test("a redirect, whose target sees nothing", async () => {
    const run = crypto.randomUUID();
    const baseUrl = `${server}/redirect-307/${run}`;
    // As the path of a redirect has it: its target counts for the run of this name.
    const batch = batchWith(1, { results_url: `${baseUrl}/v1/messages/batches/${run}/results` });
    const { sink } = createMemorySink();
    await expect(exportMessageBatchResults({ apiKey, baseUrl }, batch, sink))
      .rejects.toThrow(/redirect/);
    expect(await (await fetch(`${server}/seen/${run}`)).json()).toHaveLength(1);
  });
});
