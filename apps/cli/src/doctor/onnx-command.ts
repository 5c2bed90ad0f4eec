/** The command that adds ONNX Runtime where an installation came without it. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Its install script fetches CUDA libraries from outside the registry, which is what fails behind a firewall. The
 * package has all that is needed for the processor.
 *
 * @param own a file of the command line
 */
export function onnxCommand(own = fileURLToPath(import.meta.url)): string {
  const { optionalDependencies } = createRequire(import.meta.url)("@revq/cli/package.json") as Manifest;
  const version = optionalDependencies?.["onnxruntime-node"] ?? "latest";
  const where = isGlobal(own) ? " --global" : "";
  return `npm install${where} --ignore-scripts onnxruntime-node@${version}`;
}

/** A global installation has no manifest beside its outermost node_modules. */
function isGlobal(file: string): boolean {
  const [project, ...inside] = file.split(`${sep}node_modules${sep}`);
  return inside.length > 0 && !existsSync(join(project!, "package.json"));
}
