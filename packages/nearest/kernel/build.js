/**
 * Compiles the .as files of this folder to WebAssembly and writes it as base64 into
 * src/wasm/kernel.generated.ts. Run `node build.js` after a change. A test compares the committed
 * file with the output.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const entries = ["search", "int16", "clusters", "kmeans", "adamw", "finite"];
const sources = [...entries, "tree", "sort", "layout", "distance"];
const textOf = (name) => readFileSync(new URL(`${name}.as`, import.meta.url), "utf8");
const target = new URL("../src/wasm/kernel.generated.ts", import.meta.url);
// The memory is the host's, and there is no heap: every pointer is given by the caller.
const flags =
  "--runtime stub --enable simd --enable bulk-memory -O3 --noAssert --use abort= --importMemory --memoryBase 512 --outFile kernel.wasm";

/** @returns {Promise<string>} the text of kernel.generated.ts */
export async function compileKernel() {
  let wasm;
  const { error, stderr } = await asc.main([...entries.map((name) => `${name}.ts`), ...flags.split(" ")], {
    readFile(name) {
      const found = sources.find((source) => name === `${source}.ts`);
      return found ? textOf(found) : null;
    },
    writeFile: (name, contents) => void (name.endsWith("kernel.wasm") && (wasm = contents)),
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString(), { cause: error });
  const lines = Buffer.from(wasm)
    .toString("base64")
    .replace(/.{1,116}/g, "  $&\n")
    .trimEnd();
  return `/** Compiled from kernel/*.as by kernel/build.js (AssemblyScript): do not edit. WebAssembly with SIMD, as base64. */\nexport const kernelBase64 = \`\n${lines}\n\`;\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, await compileKernel());
