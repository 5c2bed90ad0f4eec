import { defineConfig } from "vitest/config";

/** Packages resolve to their sources, so a test never sees a stale build. Dawn needs processes, not threads. */
const conditions = ["@revq/source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["{packages,plugins,apps}/*/test/**/*.test.ts", "tools/test/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/fixtures/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: "reports/vitest.json" }]] : ["default"],
  },
});
