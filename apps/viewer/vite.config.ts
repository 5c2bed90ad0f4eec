import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { revqWasm } from "../../packages/engine/src/node/vite.ts";
import { sampleImages } from "../../packages/sample-images/src/index.ts";
import { tokenizerFiles, tokenizerFolder } from "../../packages/tokenizer-tiny/src/index.ts";
import { weightFiles, weightsFolder } from "../../packages/weights-tiny-sd-vae/src/index.ts";
import type { Facts } from "./src/page/first-paint.ts";
import { size } from "./src/page/format.ts";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";

/** A tokenizer of fewer bits, made by tools/viewer/few-bits.mjs. It has the VAE of `tiny`, in a file of its own. */
const fewBitsFolder = new URL("few-bits/", import.meta.url);

/** For `src/page/bundled.ts`. */
function bundled(): unknown[] {
  const entry = (name: string, url: string, folder: URL, weights: unknown): unknown => {
    const { tokens } = JSON.parse(readFileSync(new URL("config.json", folder), "utf8")) as {
      tokens: { tokens: number; bitsPerImage: number };
    };
    return { name, url, tokens: tokens.tokens, bits: tokens.bitsPerImage, weights };
  };
  return [
    entry("tiny", "tokenizer/", tokenizerFolder, null),
    entry("few-bits", "few-bits/", fewBitsFolder, { url: "vae/", files: weightFiles }),
  ];
}

/** Samples that are shown at once, the best first: its results are in `first-paint/`. */
const featured = [
  "friends-05.jpg",
  "allium-oreophilum-03.jpg",
  "picture-1a-13.jpg",
  "seeding-03.jpg",
  "wine-11.jpg",
  "sunset-11.jpg",
];

/** A crop of every photograph behind them. */
const sampleNames = [
  ...featured,
  ...sampleImages.map(({ name }) => name).filter((name) => name.endsWith("-01.jpg") && !featured.includes(name)),
];

/**
 * The page's own files beside its code: sample images and a tokenizer. The page fetches
 * nothing from elsewhere.
 */
function siteFiles(): Plugin {
  const files = new Map<string, string>();
  for (const { name, url } of sampleImages) {
    if (sampleNames.includes(name)) files.set(`samples/${name}`, fileURLToPath(url));
  }
  for (const name of ["tokens.webp", "map.png", "facts.json", "card.jpg"]) {
    files.set(`first-paint/${name}`, fileURLToPath(new URL(`first-paint/${name}`, import.meta.url)));
  }
  for (const name of tokenizerFiles) {
    files.set(`tokenizer/${name}`, fileURLToPath(new URL(name, tokenizerFolder)));
    files.set(`few-bits/${name}`, fileURLToPath(new URL(name, fewBitsFolder)));
  }
  for (const name of weightFiles) files.set(`vae/${name}`, fileURLToPath(new URL(name, weightsFolder)));
  return {
    name: "revq-site-files",
    generateBundle() {
      for (const [fileName, path] of files) {
        this.emitFile({ type: "asset", fileName, source: readFileSync(path) });
      }
      const samples = sampleNames.map((name) => {
        const { source, license } = sampleImages.find((image) => image.name === name)!;
        return { name, source, license, featured: featured.includes(name) };
      });
      const view = { hosted: true, tokenizers: [], images: [] };
      this.emitFile({ type: "asset", fileName: "view.json", source: JSON.stringify(view) });
      this.emitFile({ type: "asset", fileName: "samples.json", source: `${JSON.stringify(samples, null, 1)}\n` });
    },
  };
}

/**
 * Fills the document's first paint with the figures of `first-paint/facts.json`. `REVQ_SITE_URL` is the
 * address of a hosted page: pictures of links must be named in full.
 */
function firstPaint(): Plugin {
  const facts = JSON.parse(readFileSync(new URL("first-paint/facts.json", import.meta.url), "utf8")) as Facts;
  const values: Record<string, string> = {
    paint: "./first-paint/",
    sample: facts.image,
    credit: facts.credit,
    headline: `Your photo as ${facts.tokens.toLocaleString("en")} tokens: ${size(facts.bits / 8)} instead of ${size(facts.side ** 2 * 3)}`,
    tokens: facts.tokens.toLocaleString("en"),
    times: Math.round((facts.side ** 2 * 24) / facts.bits).toString(),
    bytes: size(facts.bits / 8),
    raw: size(facts.side ** 2 * 3),
    psnr: facts.psnr.toFixed(2),
    vae: facts.vaePsnr.toFixed(2),
    bpp: (facts.bits / facts.side ** 2).toFixed(3),
    choice: `<div class="segmented" inert>${bundled()
      .map(({ tokens, bits }) => `<button>${size(bits / 8)} · ${tokens.toLocaleString("en")} tokens</button>`)
      .join("")}</div>`,
    site: process.env["REVQ_SITE_URL"]?.replace(/\/?$/, "/") ?? "",
  };
  return {
    name: "revq-first-paint",
    transformIndexHtml: (page) => page.replace(/%(\w+)%/g, (all, name: string) => values[name] ?? all),
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

/** The address of the repository that the workspace's package.json names; empty without one. */
function repository(): string {
  const { repository } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    repository?: string | { url?: string };
  };
  const url = (typeof repository === "string" ? repository : repository?.url) ?? "";
  return url.replace(/^git\+/, "").replace(/\.git$/, "");
}

const resolve = { conditions: ["@revq/source", ...defaultClientConditions] };

/** An install builds the page on a busy machine: no notes on the time of plugins, none on grouped modules. */
const rolldownOptions = { checks: { bundlerTimings: false, ineffectiveDynamicImport: false } };

/**
 * A file for our packages, one for the plugins, and one for each part of tfjs that an engine needs: each file of a
 * chain of imports is a round trip.
 */
const workerChunks = [
  {
    name: "revq",
    test: /\/(packages\/(core|numerics|formats|plugin-kit|nearest|metrics|tokenizer|data|engine)|apps\/viewer|node_modules\/zod)\/|no-gradients|browser-external/,
  },
  { name: "plugins", test: /\/plugins\/(?!backbone-onnx)/ },
  { name: "tfjs-wasm", test: /\/tfjs-backend-wasm\// },
  { name: "tfjs-webgpu", test: /\/tfjs-backend-webgpu\// },
  { name: "tfjs", test: /\/node_modules\/(@tensorflow\/tfjs-core|long|seedrandom)\// },
];

/** The page never trains: tfjs's gradients stay out of it. */
function withoutGradients(): Plugin {
  const id = "\0no-gradients";
  return {
    name: "revq-without-gradients",
    enforce: "pre",
    resolveId: (source) => (source === "@tensorflow/tfjs-core/dist/register_all_gradients.js" ? id : undefined),
    load: (path) => (path === id ? "export {};\n" : undefined),
  };
}

/** The worker's first modules are requested with the document, not after the page's script has started it. */
function preloadWorker(): Plugin {
  return {
    name: "revq-preload-worker",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle = {} }) =>
        Object.keys(bundle)
          .filter((file) => /^assets\/(main|revq|tfjs)-[\w-]{8}\.js$/.test(file))
          .map((file) => ({
            tag: "link",
            attrs: { rel: "modulepreload", href: `./${file}` },
            injectTo: "head" as const,
          })),
    },
  };
}

export default defineConfig({
  base: "./", // works from any folder of any host
  logLevel: "warn", // an install builds the page: no list of its files
  resolve,
  define: {
    __BUNDLED__: JSON.stringify(bundled()),
    __REPOSITORY__: JSON.stringify(repository()),
    __SITE__: JSON.stringify(process.env["REVQ_SITE_URL"] ?? ""),
  },
  plugins: [siteFiles(), firstPaint(), preloadWorker(), revqWasm()],
  worker: {
    format: "es",
    plugins: () => [workspacePlugins(), withoutGradients(), revqWasm()],
    rolldownOptions: {
      ...rolldownOptions,
      output: { codeSplitting: { includeDependenciesRecursively: false, groups: workerChunks } },
    },
  },
  build: {
    outDir: "site",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions,
  },
});
