/** Compiles AssemblyScript (.as files) to a WebAssembly module with SIMD, as a TypeScript file with its base64. */
import { readdirSync, readFileSync } from "node:fs";
import asc from "assemblyscript/asc";

// The memory is the host's, and there is no heap: every pointer is given by the caller.
const always = "--runtime stub --enable simd -O3 --noAssert --use abort= --importMemory --outFile kernel.wasm".split(
  " ",
);

/**
 * @param {URL} folder of the .as files; ends with a slash
 * @param {readonly string[]} entries names of the files, without .as, whose functions are exported
 * @param {readonly string[]} flags more flags of the compiler
 * @returns {Promise<string>} the text of a module that exports `kernelBase64`
 */
export async function compileKernel(folder, entries, flags = []) {
  const known = new Set(readdirSync(folder));
  let wasm;
  const { error, stderr } = await asc.main([...entries.map((name) => `${name}.ts`), ...always, ...flags], {
    readFile(name) {
      const source = name.replace(/\.ts$/, ".as");
      return known.has(source) ? readFileSync(new URL(source, folder), "utf8") : null;
    },
    writeFile: (name, contents) => void (name.endsWith("kernel.wasm") && (wasm = contents)),
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString(), { cause: error });
  const lines = Buffer.from(wasm)
    .toString("base64")
    .replace(/.{1,116}/g, "  $&\n")
    .trimEnd();
  const from = entries.length === 1 ? `${entries[0]}.as` : "*.as";
  return `/** Compiled from kernel/${from} by kernel/build.js (AssemblyScript): do not edit. WebAssembly with SIMD, as base64. */\nexport const kernelBase64 = \`\n${lines}\n\`;\n`;
}
