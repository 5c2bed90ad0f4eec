import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { revqWasm } from "../../packages/engine/src/node/vite.ts";
import { sampleImages } from "../../packages/sample-images/src/index.ts";
import { tokenizerFiles, tokenizerFolder } from "../../packages/tokenizer-tiny/src/index.ts";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";

/** A few crops of every photograph. */
const sampleNames = sampleImages.map(({ name }) => name).filter((name) => /-(01|05)\.jpg$/.test(name));

/**
 * The page's own files beside its code: sample images and a tokenizer. The page fetches
 * nothing from elsewhere.
 */
function siteFiles(): Plugin {
  const files = new Map<string, string>();
  for (const { name, url } of sampleImages) {
    if (sampleNames.includes(name)) files.set(`samples/${name}`, fileURLToPath(url));
  }
  for (const name of tokenizerFiles) files.set(`tokenizer/${name}`, fileURLToPath(new URL(name, tokenizerFolder)));
  return {
    name: "revq-site-files",
    generateBundle() {
      for (const [fileName, path] of files) {
        this.emitFile({ type: "asset", fileName, source: readFileSync(path) });
      }
      const samples = sampleImages
        .filter(({ name }) => sampleNames.includes(name))
        .map(({ name, source, license }) => ({ name, source, license }));
      this.emitFile({ type: "asset", fileName: "samples.json", source: `${JSON.stringify(samples, null, 1)}\n` });
    },
  };
}

/**
 * `virtual:revq-plugins`: every plugin of the workspace that runs in browsers (tag `env:any`), by
 * package name. Each is one chunk.
 */
function workspacePlugins(): Plugin {
  const folder = fileURLToPath(new URL("../../plugins/", import.meta.url));
  const entries = readdirSync(folder).flatMap((name) => {
    const manifest = join(folder, name, "package.json");
    if (!existsSync(manifest)) return [];
    const { name: from, nx } = JSON.parse(readFileSync(manifest, "utf8")) as { name: string; nx?: { tags?: string[] } };
    return nx?.tags?.includes("env:any") ? [`${JSON.stringify(from)}: () => import(${JSON.stringify(from)}),`] : [];
  });
  const id = "virtual:revq-plugins";
  return {
    name: "revq-workspace-plugins",
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load: (path) => (path === `\0${id}` ? `export const plugins = {\n${entries.join("\n")}\n};\n` : undefined),
  };
}

const resolve = { conditions: ["@revq/source", ...defaultClientConditions] };

/** An install builds the page on a busy machine: no notes on the time of plugins. */
const rolldownOptions = { checks: { bundlerTimings: false } };

export default defineConfig({
  base: "./", // works from any folder of any host
  logLevel: "warn", // an install builds the page: no list of its files
  resolve,
  plugins: [siteFiles(), revqWasm()],
  worker: { format: "es", plugins: () => [workspacePlugins(), revqWasm()], rolldownOptions },
  build: {
    outDir: "site",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions,
  },
});
