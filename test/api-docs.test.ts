/** `npm run docs:api`: every exported thing has a page, and nothing that a docstring links to is missing; typedoc's warnings are errors. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "./support/revq.js";

it.skipIf(process.env["REVQ_TEST_FULL"] === undefined)(
  "API pages are made without a warning (half a minute; npm run test:full)",
  { timeout: 300_000 },
  async () => {
    const { path, remove } = await temporaryFolder();
    const { status, stdout, stderr } = spawnSync("npx", ["typedoc", "--out", join(path, "api")], { encoding: "utf8" });
    expect(status, stdout + stderr).toBe(0);
    for (const page of ["functions/_revq_core.definePlugin.html", "classes/_revq_tokenizer.Tokenizer.html"])
      expect(existsSync(join(path, "api", page)), page).toBe(true);
    await remove();
  },
);
