import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A Worker that runs in workerd, by `wrangler dev`. */
export interface LocalWorker {
  readonly url: string;
  /** Resolves when wrangler has ended, with what it printed. */
  readonly ended: Promise<string>;
  /** Ends wrangler and workerd. */
  stop(): Promise<void>;
}

/**
 * Starts the Worker of wrangler.toml on a free port of loopback, with a new database.
 *
 * @param variables Its variables and secrets. They go by a file that only this user can read, not by
 *   the command line, which every user of the machine can.
 */
export async function startWorker(
  variables: Readonly<Record<string, string>>,
): Promise<LocalWorker> {
  const folder = await mkdtemp(join(tmpdir(), "batchsweep-"));
  const file = join(folder, "variables");
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(file, lines.join(""), { mode: 0o600 });

  const wrangler = "node_modules/wrangler/bin/wrangler.js";
  const env = {
    ...process.env,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    CI: "true",
    NO_COLOR: "1",
  };
  const migrate = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", folder];
  await promisify(execFile)(process.execPath, [wrangler, ...migrate], { env });
  const options = ["--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"];
  const args = [wrangler, "dev", ...options, "--persist-to", folder, "--env-file", file];
  const child = spawn(process.execPath, args, {
    detached: true, // Ctrl-C reaches this process only, which then ends it in an orderly way
    stdio: ["ignore", "pipe", "pipe"],
    env,
  });
  const kill = () => child.kill("SIGTERM"); // SIGKILL would leave workerd behind
  process.on("exit", kill);
  let output = "";
  const ended = new Promise<string>((resolve) => child.on("close", () => resolve(output)));
  const ready = new Promise<string>((resolve) => {
    const read = (chunk: unknown) => {
      output += chunk;
      const url = /Ready on (http:\/\/\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
  const stop = async () => {
    kill();
    await ended;
    process.off("exit", kill);
    await rm(folder, { recursive: true, force: true });
  };
  const failed = ended.then((text) => {
    throw new Error(`Cannot start the Worker:\n${text}`);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Cannot start the Worker within 60 s")), 60_000);
  });
  try {
    return { url: await Promise.race([ready, failed, late]), ended, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
    failed.catch(() => {}); // it ends some day in any case
  }
}
