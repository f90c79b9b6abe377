import { serviceOptionsFrom } from "../../service/environment.ts";
import { createService, type Service } from "../../service/service.ts";

let service: Service | undefined;

export default {
  /** Answers a request with the service that the Worker's variables and secrets describe. */
  fetch(request: Request, env: Env): Promise<Response> {
    const variables: Readonly<Record<string, unknown>> = { ...env };
    service ??= createService({
      ...serviceOptionsFrom((name) => {
        const value = variables[name];
        return typeof value === "string" ? value : undefined;
      }),
      onError: (error) => console.error(error),
    });
    return service.fetch(request);
  },
};
