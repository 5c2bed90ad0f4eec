/** Every file of a plugin package, in this workspace or in a project of its own. */
import { camelCase } from "./names.js";
import { backboneFiles } from "./sources/backbone.js";
import type { TemplateKind } from "./sources/descriptor.js";
import { quantizerFiles } from "./sources/quantizer.js";
import { rectifierFiles } from "./sources/rectifier.js";
import { transformFiles } from "./sources/transform.js";

export interface PluginTemplate {
  readonly kind: TemplateKind;
  /** The plugin's id. */
  readonly name: string;
  readonly packageName: string;
  /**
   * `workspace`: a package beside ours; `project`: one of its own, with a test runner and the
   * command line.
   */
  readonly target: "workspace" | "project";
  /** Version range of revq's packages. */
  readonly version: string;
}

const sources = {
  backbone: backboneFiles,
  transform: transformFiles,
  quantizer: quantizerFiles,
  rectifier: rectifierFiles,
};

/** path -> contents, relative to the package's folder. A workspace adds its own LICENSE. */
export function pluginFiles(template: PluginTemplate): Record<string, string> {
  const { kind, name, target } = template;
  return {
    "package.json": json(target === "workspace" ? workspaceManifest(template) : projectManifest(template)),
    "tsconfig.json": json(target === "workspace" ? workspaceTsconfig : projectTsconfig),
    ...sources[kind](name, camelCase(name)),
    "test/conformance.test.ts": conformanceTest(template),
    "README.md": readme(template),
    ...(target === "project" ? projectFiles : {}),
  };
}

const projectFiles = {
  ".gitignore": "node_modules/\ndist/\nrevq-runs/\n",
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const zodRange = "^4.4.0";
const tfjsRange = "^4.22.0";

/** Plugins work with every minor version of core's major one. */
function coreRange(version: string): string {
  const [major, minor, patch] = version.replace(/^[^0-9]*/, "").split(".");
  return `>=${major}.${minor}.${patch} <${Number(major) + 1}.0.0`;
}

function commonManifest({ kind, packageName, name, version }: PluginTemplate) {
  return {
    name: packageName,
    version: "0.0.0",
    description: `The ${kind} ${name} for revq.`,
    license: "MIT",
    type: "module",
    engines: { node: ">=20.19.0" },
    sideEffects: false,
    keywords: ["revq-plugin"],
    dependencies: { zod: zodRange },
    peerDependencies: { "@revq/core": coreRange(version), "@tensorflow/tfjs-core": tfjsRange },
  };
}

function workspaceManifest(template: PluginTemplate): object {
  return {
    ...commonManifest(template),
    exports: {
      ".": { "@revq/source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./package.json": "./package.json",
    },
    files: ["dist", "src", "README.md", "LICENSE", "!**/*.tsbuildinfo"],
    nx: { tags: ["layer:plugin", "env:any"] },
    devDependencies: { "@revq/testkit": template.version },
  };
}

function projectManifest(template: PluginTemplate): object {
  const { version } = template;
  return {
    ...commonManifest(template),
    exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
    files: ["dist", "src", "README.md"],
    scripts: { build: "tsc", test: "vitest run", prepare: "tsc" },
    // Else onnxruntime-node fetches CUDA libraries on Linux, which revq does not use.
    allowScripts: { "onnxruntime-node": false },
    devDependencies: {
      "@revq/cli": version,
      "@revq/core": version,
      "@revq/testkit": version,
      "@tensorflow/tfjs-core": tfjsRange,
      typescript: "~5.9.3",
      vitest: "~4.1.0",
    },
  };
}

const workspaceTsconfig = {
  extends: "../../tsconfig.base.json",
  compilerOptions: { rootDir: "src", outDir: "dist", tsBuildInfoFile: "dist/.tsbuildinfo", types: [] },
  include: ["src"],
  references: [{ path: "../../packages/core" }],
};

const projectTsconfig = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023", "DOM"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    strict: true,
    skipLibCheck: true,
    declaration: true,
    rootDir: "src",
    outDir: "dist",
    types: [],
  },
  include: ["src"],
};

const suites = {
  backbone: {
    test: "testBackbone",
    cases: ['name: "defaults", imageSize: 16', "options: { patch: 4 }, imageSize: 16"],
  },
  transform: {
    test: "testTransform",
    cases: ['name: "defaults", latentShape: { channels: 4, height: 4, width: 6 }, tokens: 24'],
  },
  quantizer: {
    test: "testQuantizer",
    cases: [
      'name: "defaults", latentShape: { channels: 4, height: 4, width: 6 }',
      "options: { levels: 5 }, latentShape: { channels: 2, height: 3, width: 3 }",
    ],
  },
  rectifier: {
    test: "testRectifier",
    cases: ['name: "defaults", latentShape: { channels: 4, height: 4, width: 6 }'],
  },
};

function conformanceTest({ kind, name }: PluginTemplate): string {
  const { test, cases } = suites[kind];
  const list = cases.length === 1 ? `{ ${cases[0]} }` : `\n${cases.map((each) => `  { ${each} },\n`).join("")}`;
  return `import { ${test} } from "@revq/testkit";
import { ${camelCase(name)} } from "../src/index.js";

${test}(${camelCase(name)}, [${list}]);
`;
}

function readme({ kind, name, packageName, target }: PluginTemplate): string {
  const train =
    target === "project"
      ? `npx revq train --plugin . --${kind} ${name}   # in this folder, after npm run build\n`
      : `npx revq train --${kind} ${name}\n`;
  return `# ${packageName}

The ${kind} \`${name}\` for [revq](https://www.npmjs.com/package/@revq/cli).

\`\`\`sh
${train}\`\`\`

A project that depends on this package finds it by the keyword \`revq-plugin\`.

\`src/index.ts\` describes the plugin, \`src/${kind}.ts\` is the ${kind}, and \`test/conformance.test.ts\` runs the suite that
every revq plugin passes.
`;
}
