import type { OutcomeError } from "../outcome.ts";

/** The results of a batch could not be stored, so that it was left alone. */
export class ExportFailure extends Error {
  readonly failure: OutcomeError;

  constructor(failure: OutcomeError) {
    super(failure.message);
    this.failure = failure;
  }
}
