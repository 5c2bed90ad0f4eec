/**
 * Compiles the .as files of this folder to WebAssembly and writes it as base64 into
 * src/wasm/kernel.generated.ts. Run `node build.js` after a change. A test compares the committed
 * file with the output.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compileKernel as compile } from "../../../tools/kernels/compile.mjs";

const target = new URL("../src/wasm/kernel.generated.ts", import.meta.url);

/** @returns {Promise<string>} the text of kernel.generated.ts */
export function compileKernel() {
  return compile(
    new URL(".", import.meta.url),
    ["search", "int16", "clusters", "kmeans", "adamw", "finite"],
    ["--enable", "bulk-memory", "--memoryBase", "512"],
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, await compileKernel());
