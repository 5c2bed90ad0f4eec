/** Every file of a plugin package, in this workspace or in a project of its own. */
import { backboneSource } from "./sources/backbone.js";
import { quantizerSource } from "./sources/quantizer.js";
import { rectifierSource } from "./sources/rectifier.js";
import { camelCase } from "./names.js";

export type TemplateKind = "backbone" | "quantizer" | "rectifier";

export interface PluginTemplate {
  readonly kind: TemplateKind;
  /** The plugin's id: what a user types after `--quantizer`. */
  readonly name: string;
  readonly packageName: string;
  /** `workspace`: a package beside ours; `project`: one of its own, with a test runner and the command line. */
  readonly place: "workspace" | "project";
  /** Version range of revq's packages. */
  readonly version: string;
}

const sources = { backbone: backboneSource, quantizer: quantizerSource, rectifier: rectifierSource };

/** path -> contents, relative to the package's folder. A workspace adds its own LICENSE. */
export function pluginFiles(template: PluginTemplate): Record<string, string> {
  const { kind, name, place } = template;
  return {
    "package.json": json(place === "workspace" ? workspaceManifest(template) : projectManifest(template)),
    "tsconfig.json": json(place === "workspace" ? workspaceTsconfig : projectTsconfig),
    "src/index.ts": sources[kind](name, camelCase(name)),
    "test/conformance.test.ts": conformanceTest(template),
    "README.md": readme(template),
    ...(place === "project" ? projectFiles : {}),
  };
}

const projectFiles = {
  ".gitignore": "node_modules/\ndist/\nrevq-runs/\n",
  // Else onnxruntime-node fetches CUDA libraries on Linux, which revq does not use.
  ".npmrc": "onnxruntime-node-install=skip\n",
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

function conformanceTest({ kind, name }: PluginTemplate): string {
  const plugin = camelCase(name);
  const suite = { backbone: "testBackbone", quantizer: "testQuantizer", rectifier: "testRectifier" }[kind];
  const cases =
    kind === "backbone"
      ? `[
  { name: "defaults", imageSize: 16 },
  { options: { patch: 4 }, imageSize: 16 },
]`
      : `[
  { name: "defaults", latentShape: { channels: 4, height: 4, width: 6 } },
${kind === "quantizer" ? `  { options: { levels: 5 }, latentShape: { channels: 2, height: 3, width: 3 } },\n` : ""}]`;
  return `import { ${suite} } from "@revq/testkit";
import { ${plugin} } from "../src/index.js";

${suite}(${plugin}, ${cases});
`;
}

function readme({ kind, name, packageName, place }: PluginTemplate): string {
  const train =
    place === "project"
      ? `npx revq train --plugin . --${kind} ${name}   # in this folder, after npm run build\n`
      : `npx revq train --${kind} ${name}\n`;
  return `# ${packageName}

The ${kind} \`${name}\` for [revq](https://www.npmjs.com/package/@revq/cli).

\`\`\`sh
${train}\`\`\`

A project that depends on this package finds it by itself (keyword \`revq-plugin\`).

\`src/index.ts\` is the plugin; \`test/conformance.test.ts\` runs the suite that every revq plugin passes.
`;
}
