import type { Answer, Call, Route } from "./answer.ts";
import { checkHeaders, type HeaderRules } from "./check-headers.ts";
import { errorAnswer } from "./error-answer.ts";
import { Refusal } from "./refusal.ts";
import { createRouter } from "./router.ts";
import type { BucketDecision } from "./token-bucket.ts";

/** Whom the API accepts, how often, and what it consists of. */
export interface ApiSettings {
  readonly routes: readonly Route[];
  readonly rules: HeaderRules;
  readonly takeToken: ((now: number) => BucketDecision) | undefined;
}

/** The API without a network: no faults, no headers that every answer has. */
export interface Api {
  /** The template that a path fits, if any. */
  templateOf(method: string, path: string): string | undefined;
  /** Checks a request, does what it asks for, and answers; a refusal is an answer. */
  perform(path: string, requestId: string, call: Omit<Call, "params">): Promise<Answer>;
}

/** Headers are checked first, then the rate limit, then path and method: the order is inferred. */
export function createApi({ routes, rules, takeToken }: ApiSettings): Api {
  const route = createRouter(routes);
  return {
    templateOf: (method, path) => route(method, path).template,
    async perform(path, requestId, call) {
      let limits: Readonly<Record<string, string>> = {};
      let answer: Answer;
      try {
        checkHeaders(call.request.headers, path, rules);
        const decision = takeToken?.(call.now);
        limits = decision?.headers ?? limits;
        if (decision?.allowed === false) {
          throw new Refusal(429, "This request would exceed your organization's rate limit.");
        }
        answer = await route(call.request.method, path).handle(call);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        answer = errorAnswer(error, requestId);
      }
      return { ...answer, headers: { ...limits, ...answer.headers } };
    },
  };
}
