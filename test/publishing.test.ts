/** Everything published to a registry on loopback and used as a stranger would: tools/publishing/try.mjs. Minutes, so in `npm run test:full` only. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const tools = fileURLToPath(new URL("../tools/publishing", import.meta.url));
const reason = whyNot();

it.skipIf(reason)(
  `what is published installs, runs, and takes a plugin from outside${reason && ` (skipped: ${reason})`}`,
  { timeout: 900_000 },
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["try.mjs"], { cwd: tools, encoding: "utf8" });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toContain("a Vite app");
  },
);

/** Installs the registry, which is no dependency of the workspace. */
function whyNot(): string {
  if (process.env["REVQ_TEST_FULL"] === undefined) return "takes minutes; npm run test:full";
  if (existsSync(`${tools}/node_modules/.bin/verdaccio`)) return "";
  const { status, stderr } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: tools, encoding: "utf8" });
  return status === 0 ? "" : `verdaccio cannot be fetched: ${stderr.trim().split("\n").at(-1)}`;
}
