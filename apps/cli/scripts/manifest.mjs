/**
 * Writes oclif.manifest.json: all commands with their flags and help. With it the command line prints help, and finds the
 * command to run, without loading any other command. `--print` prints it instead.
 */
import { Plugin } from "@oclif/core/config";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const plugin = new Plugin({
  root,
  type: "core",
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
});
await plugin.load();
const text = `${JSON.stringify(plugin.manifest)}\n`;
if (process.argv.includes("--print")) process.stdout.write(text);
else await writeFile(`${root}/oclif.manifest.json`, text);
