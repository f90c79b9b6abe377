import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    setupFiles: ["test/loopback-only.ts"],
    maxWorkers: 2, // on two cores it would be one by default, and many tests wait
    coverage: {
      include: ["src/**"],
      exclude: ["src/adapters/**", "src/cli/**"], // other tests run these, most in processes
      reporter: ["text"],
      reportOnFailure: true,
    },
    projects: [
      {
        // These run in every runtime, so they use nothing but web standards.
        extends: true,
        test: {
          name: "suites",
          include: ["test/suites/**/*.test.ts"],
          globalSetup: ["test/server/global-setup.ts"],
          testTimeout: 30_000, // for a hang, not for a busy machine
        },
      },
      {
        // These run under Node: they start processes, servers and Workers.
        extends: true,
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/suites/**", "test/canary/**"],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        // These must fail: they show that a runner notices.
        extends: true,
        test: { name: "canary", include: ["test/canary/**/*.test.ts"] },
      },
    ],
  },
});
