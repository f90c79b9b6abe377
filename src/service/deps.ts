/**
 * The only file of the service that names third-party packages: exact versions, as in src/deps.ts.
 *
 * @module
 */
export { Cron } from "npm:croner@11.0.1";
export { Hono } from "npm:hono@4.13.19";
export { timingSafeEqual } from "npm:hono@4.13.19/utils/buffer";
export { Webhook, WebhookVerificationError } from "npm:standardwebhooks@1.1.1";
