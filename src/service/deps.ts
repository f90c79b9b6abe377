/**
 * The only file of the service that names third-party packages: exact versions, as in src/deps.ts.
 *
 * @module
 */
export { Hono } from "npm:hono@4.13.19";
export { Webhook, WebhookVerificationError } from "npm:standardwebhooks@1.1.1";
