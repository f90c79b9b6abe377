/** The part of Cloudflare's module that the Worker uses. */
declare module "cloudflare:workers" {
  export abstract class WorkflowEntrypoint<Env> {
    protected readonly env: Env;
  }
}
