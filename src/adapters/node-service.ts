/**
 * The service under Node: `npx batchsweep-service`, in the package and in a clone.
 *
 * @module
 */
import { startService } from "./process-service.ts";

await startService();
