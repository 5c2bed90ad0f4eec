import nx from "@nx/eslint-plugin";
import { readFileSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import tseslint from "typescript-eslint";

/** Which layer may import which: ARCHITECTURE.md, "The rooms". Top floor first. */
export const layers = {
  app: ["*"],
  tools: ["*"],
  train: ["data", "tokenizer", "metrics", "report", "formats", "nearest", "numerics", "core"],
  dataset: ["data", "tokenizer", "formats", "core"],
  testkit: ["engine", "core"],
  data: ["formats", "numerics", "core"],
  tokenizer: ["formats", "numerics", "core"],
  plugin: ["formats", "plugin-kit", "nearest", "numerics", "core"],
  engine: ["tfjs-backend-onnx", "core"],
  "tfjs-backend-onnx": ["core"],
  "plugin-kit": ["numerics", "core"],
  formats: ["core"],
  nearest: ["core"],
  metrics: ["numerics", "core"],
  report: ["core"],
  numerics: ["core"],
  assets: [],
  core: [],
};

const tag = (layer) => (layer === "*" ? "*" : `layer:${layer}`);
const depConstraints = Object.entries(layers).map(([layer, allowed]) => ({
  sourceTag: tag(layer),
  onlyDependOnLibsWithTags: allowed.length ? allowed.map(tag) : ["layer:none"],
}));

/** Packages tagged `env:any` run in browsers and workers: no Node built-in may be imported there. */
const portable = ["packages", "plugins", "apps"].flatMap((folder) =>
  readdirSync(new URL(folder, import.meta.url), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${folder}/${entry.name}`)
    .filter((path) => {
      const manifest = JSON.parse(readFileSync(new URL(`${path}/package.json`, import.meta.url), "utf8"));
      return manifest.nx?.tags?.includes("env:any");
    }),
);

/** Examples are what others write: nothing of ours may need one, and they see what is published only. */
const noExamples = { group: ["**/examples/**"], message: "Examples import packages, not the other way round." };

export default tseslint.config(
  { ignores: ["**/dist/**", "apps/viewer/site/**", "**/node_modules/**", "**/.nx/**", "reports/**", "api-docs/**"] },
  ...tseslint.configs.recommended,
  { plugins: { "@nx": nx } },
  {
    files: ["**/*.ts"],
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    files: [
      "packages/*/src/**/*.ts",
      "plugins/*/src/**/*.ts",
      "apps/*/src/**/*.ts",
      "test/fixtures/boundaries/**/*.ts",
    ],
    rules: {
      "@nx/enforce-module-boundaries": [
        "error",
        {
          depConstraints,
          enforceBuildableLibDependency: false,
          banTransitiveDependencies: true,
          // A descriptor imports its implementation when it is created; the implementation imports libraries as usual.
          checkDynamicDependenciesExceptions: [".*"],
          // The rule does not look into optionalDependencies, where onnxruntime-node is.
          allow: ["virtual:revq-plugins", "onnxruntime-node"],
        },
      ],
    },
  },
  {
    files: ["{packages,plugins,apps}/*/src/**/*.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [noExamples] }] },
  },
  {
    files: ["examples/*/**/*.{ts,mjs}"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["**/packages/**", "**/plugins/**", "**/apps/**", "../../**"],
              message: "An example is copied out of here: import packages by their names.",
            },
          ],
        },
      ],
    },
  },
  {
    // `src/node/**` is the Node entry point of a portable package (its own `exports` subpath).
    // The pixel code of `data` is portable too: the viewer's page crops and resizes with it.
    files: [...portable.map((path) => `${path}/src/**/*.ts`), "packages/data/src/pixels/**/*.ts"],
    ignores: portable.map((path) => `${path}/src/node/**`),
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            noExamples,
            {
              group: ["node:*", ...builtinModules.filter((name) => !name.startsWith("_"))],
              message: "This package is tagged env:any; keep Node built-ins in src/node/.",
            },
          ],
        },
      ],
    },
  },
  { files: ["tools/**", "examples/**", "apps/cli/src/output/**"], rules: { "no-console": "off" } },
);
