/** The lint keeps the rooms apart: imports that go up a layer, across plugins, or into Node from a portable package fail. */
import { ESLint } from "eslint";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
let eslint: ESLint;

beforeAll(() => {
  process.env["NX_DAEMON"] = "false";
  // The rule reads nx's project graph from its cache; this makes it.
  execFileSync(process.execPath, [join(root, "node_modules", "nx", "dist", "bin", "nx.js"), "show", "projects"], {
    cwd: root,
    stdio: "ignore",
  });
  eslint = new ESLint({ cwd: root });
}, 120_000);

async function rulesBrokenBy(code: string, filePath: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, filePath) });
  return result!.messages.map(({ ruleId }) => ruleId);
}

describe("module boundaries", () => {
  const boundary = "@nx/enforce-module-boundaries";
  it.each([
    [
      "core imports a higher layer",
      'import { trainTokenizer } from "@revq/train";\nvoid trainTokenizer;\n',
      "packages/core/src/bad.ts",
      boundary,
    ],
    [
      "the tokenizer imports the trainer",
      'import { trainTokenizer } from "@revq/train";\nvoid trainTokenizer;\n',
      "packages/tokenizer/src/bad.ts",
      boundary,
    ],
    [
      "a plugin imports a plugin",
      'import { linear } from "@revq/backbone-linear";\nvoid linear;\n',
      "plugins/quantizer-multigroup/src/bad.ts",
      boundary,
    ],
    [
      "a portable package imports a Node built-in",
      'import { readFile } from "node:fs/promises";\nvoid readFile;\n',
      "packages/tokenizer/src/bad.ts",
      "no-restricted-imports",
    ],
    [
      "a package imports an example",
      'import { lattice } from "../../../examples/custom-plugin/src/index.js";\nvoid lattice;\n',
      "packages/train/src/bad.ts",
      "no-restricted-imports",
    ],
    [
      "a portable package imports an example",
      'import { lattice } from "../../../examples/custom-plugin/src/index.js";\nvoid lattice;\n',
      "packages/core/src/bad.ts",
      "no-restricted-imports",
    ],
    [
      "an example imports a source of the workspace",
      'import { RevqError } from "../../packages/core/src/errors.js";\nvoid RevqError;\n',
      "examples/browser/main.ts",
      "no-restricted-imports",
    ],
  ])("refuses: %s", async (_, code, path, rule) => {
    expect(await rulesBrokenBy(code, path)).toContain(rule);
  });

  it("allows what the plan allows", async () => {
    const code = 'import { RevqError } from "@revq/core";\nvoid RevqError;\n';
    expect(await rulesBrokenBy(code, "packages/train/src/good.ts")).toEqual([]);
    expect(await rulesBrokenBy(code, "examples/browser/main.ts")).toEqual([]);
  });
});
