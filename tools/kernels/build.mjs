/**
 * Compiles the AssemblyScript of every package to WebAssembly with SIMD and writes it as base64 into a TypeScript file of the package.
 * Run after a change of an .as file. A test compares the committed files with what their sources compile to.
 *
 * npm run build:kernels
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = new URL("../../", import.meta.url);

/** The files of `folder` named by `entries` export the functions of the kernel. */
export const kernels = [
  {
    folder: "packages/nearest/kernel/",
    entries: ["search", "int16", "clusters", "kmeans", "adamw", "finite"],
    flags: ["--enable", "bulk-memory", "--memoryBase", "512"],
    target: "packages/nearest/src/wasm/kernel.generated.ts",
  },
  {
    folder: "packages/tfjs-backend-onnx/kernel/",
    entries: ["adamw"],
    flags: [],
    target: "packages/tfjs-backend-onnx/src/kernels/adamw.generated.ts",
  },
  {
    folder: "plugins/quantizer-trellis/kernel/",
    entries: ["viterbi"],
    flags: [],
    target: "plugins/quantizer-trellis/src/kernel.generated.ts",
  },
];

// The memory is the host's, and there is no heap: every pointer is given by the caller.
const always = "--runtime stub --enable simd -O3 --noAssert --use abort= --importMemory --outFile kernel.wasm";

/** The text of a kernel's TypeScript file. */
export async function compileKernel({ folder, entries, flags }) {
  const sources = new Set(readdirSync(new URL(folder, root)));
  let wasm;
  const { error, stderr } = await asc.main([...entries.map((name) => `${name}.ts`), ...always.split(" "), ...flags], {
    readFile(name) {
      const source = name.replace(/\.ts$/, ".as");
      return sources.has(source) ? readFileSync(new URL(folder + source, root), "utf8") : null;
    },
    writeFile: (name, contents) => void (name.endsWith("kernel.wasm") && (wasm = contents)),
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString(), { cause: error });
  const lines = Buffer.from(wasm)
    .toString("base64")
    .replace(/.{1,116}/g, "  $&\n")
    .trimEnd();
  const title = `Compiled from ${folder}*.as by \`npm run build:kernels\` (AssemblyScript): do not edit.`;
  return `/** ${title} WebAssembly with SIMD, as base64. */\nexport const kernelBase64 = \`\n${lines}\n\`;\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const kernel of kernels) writeFileSync(new URL(kernel.target, root), await compileKernel(kernel));
