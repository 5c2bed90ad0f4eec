/**
 * WebGPU without a GPU: unpacks SwiftShader and a Vulkan loader from the npm package
 * `@sparticuz/chromium` (Linux x64) into a temporary folder and runs a command with them:
 *
 *   node packages/engine/scripts/swiftshader.mjs npx vitest run packages/engine/test/parity.test.ts
 *
 * For tests with tiny shapes: it computes on the CPU, a hundred times slower than the CPU engines.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

/**
 * Returns the folder and the environment for Dawn. Throws, with the reason, where it cannot be had.
 */
export function unpackSwiftShader() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`SwiftShader is packaged for linux x64 only, this is ${process.platform} ${process.arch}`);
  }
  // Its entry is build/esm/index.js or build/cjs/index.cjs; the archives lie in bin/.
  const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const archive = join(
    entry.slice(0, entry.lastIndexOf(`chromium${"/"}`) + "chromium".length),
    "bin",
    "swiftshader.tar.br",
  );
  const folder = mkdtempSync(join(tmpdir(), "revq-swiftshader-"));
  execFileSync("tar", ["-x", "-C", folder], { input: brotliDecompressSync(readFileSync(archive)) });
  const path = process.env["LD_LIBRARY_PATH"];
  return {
    folder,
    env: {
      VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
      LD_LIBRARY_PATH: path ? `${folder}:${path}` : folder,
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, ...args] = process.argv.slice(2);
  if (!command) {
    process.stderr.write("usage: node swiftshader.mjs <command> [arguments]\n");
    process.exit(2);
  }
  const { env, remove } = unpackSwiftShader();
  const child = spawn(command, args, {
    stdio: "inherit",
    env: { ...process.env, REVQ_TEST_ENGINES: "webgpu", ...env },
  });
  child.on("error", (error) => {
    remove();
    throw error;
  });
  child.on("exit", (code) => {
    remove();
    process.exit(code ?? 1);
  });
}
