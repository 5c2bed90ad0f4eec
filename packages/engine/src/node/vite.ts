/**
 * @revq/engine/vite: a plugin of Vite that puts what the engine `wasm` needs into a page. A bundler does not see
 * tfjs's `.wasm` files, because tfjs fetches them; without them a page computes in plain JavaScript.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { IncomingMessage, ServerResponse } from "node:http";

export interface RevqWasmOptions {
  /** Folder of the `.wasm` files beside the page: the `wasmPath` of `createEngine`. Default "wasm". */
  readonly folder?: string;
}

/** The part of Vite's plugins that is used. It also fits Rollup, without the development server. */
export interface WasmPlugin {
  readonly name: string;
  configResolved(config: { readonly base: string }): void;
  configureServer(server: {
    readonly middlewares: {
      use(handle: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): unknown;
    };
  }): void;
  transform(code: string, id: string): { code: string; map: null } | undefined;
  generateBundle(this: { emitFile(file: { type: "asset"; fileName: string; source: Uint8Array }): unknown }): void;
}

/**
 * Serves tfjs's `.wasm` files in development, and writes them beside a built page.
 * The page names the folder: `createEngine({ wasmPath: "wasm/" })`.
 *
 * @example
 * // vite.config.ts: export default { plugins: [revqWasm()] };
 * revqWasm().name; // => "revq-wasm"
 */
export function revqWasm({ folder = "wasm" }: RevqWasmOptions = {}): WasmPlugin {
  let base = "/";
  return {
    name: "revq-wasm",
    configResolved(config) {
      base = config.base;
    },
    configureServer({ middlewares }) {
      const files = wasmFiles();
      middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? "/", "http://localhost");
        const name = pathname.slice(pathname.lastIndexOf("/") + 1);
        const path = files.get(name);
        const isOurs = pathname === `/${folder}/${name}` || pathname === `${base}${folder}/${name}`;
        if (path === undefined || !isOurs) return next();
        response.setHeader("content-type", "application/wasm");
        response.end(readFileSync(path));
      });
    },
    transform: selfContainedThreads,
    generateBundle() {
      for (const [name, path] of wasmFiles())
        this.emitFile({ type: "asset", fileName: `${folder}/${name}`, source: readFileSync(path) });
    },
  };
}

/** By name, the variants with and without SIMD and threads: tfjs picks one in the browser. */
function wasmFiles(): Map<string, string> {
  const require = createRequire(import.meta.url);
  const from = dirname(require.resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm"));
  const names = readdirSync(from).filter((name) => name.endsWith(".wasm"));
  return new Map(names.map((name) => [name, join(from, name)]));
}

/**
 * tfjs starts its WebAssembly threads from the text of a function, so the function may refer to nothing outside. It
 * does in two places, which matter only without `mainScriptUrlOrBlob` (tfjs passes it). A minifier makes both fail.
 */
function selfContainedThreads(code: string, id: string): { code: string; map: null } | undefined {
  if (!id.includes("tfjs-backend-wasm-threaded-simd.js")) return undefined;
  const outside = ['typeof _scriptDir !== "undefined" && _scriptDir', '||_scriptDir,"wasmMemory"'];
  const missing = outside.filter((text) => !code.includes(text));
  if (missing.length > 0) throw new Error(`tfjs-backend-wasm has changed: ${missing.join(" and ")} not found.`);
  return { code: code.replaceAll(outside[0]!, "false").replaceAll(outside[1]!, ',"wasmMemory"'), map: null };
}
