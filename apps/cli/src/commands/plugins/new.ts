import { Args, Flags } from "@oclif/core";
import { pluginKinds, RevqError } from "@revq/core";
import { checkName, pluginFiles } from "@revq/plugin-template";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { BaseCommand } from "../../base-command.js";
import { UsageError } from "../../errors/usage-error.js";

export default class PluginsNew extends BaseCommand {
  static override summary = "Start your own plugin: a project with a small working plugin and its tests.";
  static override examples = [
    "<%= config.bin %> plugins new my-vq",
    { description: "A rectifier:", command: "<%= config.bin %> plugins new my-net --kind rectifier" },
    {
      description: "With another package name, in another folder:",
      command: "<%= config.bin %> plugins new my-vq --package @me/revq-my-vq -o projects/my-vq",
    },
  ];
  static override args = {
    name: Args.string({ required: true, description: "its id, as in --quantizer ID" }),
  };
  static override flags = {
    kind: Flags.string({ description: "kind of the plugin", options: pluginKinds, default: "quantizer" }),
    package: Flags.string({ description: "name of the npm package (default: revq-KIND-NAME)" }),
    out: Flags.string({ char: "o", description: "new folder (default: the name of the package)" }),
  };

  async run(): Promise<{ folder: string; package: string; files: string[] }> {
    const { args, flags } = await this.parse(PluginsNew);
    const problem = checkName(args.name);
    if (problem) throw new UsageError("plugin-name", `${problem}.`);
    const kind = pluginKinds.find((known) => known === flags.kind)!;
    const packageName = flags.package ?? `revq-${kind}-${args.name}`;
    const folder = resolve(flags.out ?? packageName.replace(/^@[^/]*\//, ""));
    await refuseOccupied(folder);
    const files = pluginFiles({
      ...{ kind, packageName },
      name: args.name,
      target: "project",
      version: `^${await coreVersion()}`,
    });
    const { writeFileAtomic } = await import("@revq/formats/node");
    for (const [path, text] of Object.entries(files)) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFileAtomic(target, new TextEncoder().encode(text));
    }
    const shown = relative(process.cwd(), folder) || ".";
    this.log(`Wrote ${Object.keys(files).length} files to ${shown}. Next:\n`);
    this.log(`  cd ${shown} && npm install     # builds it too`);
    this.log(`  npm test                       # the conformance kit, on every engine of this machine`);
    this.log(`  npx revq train --plugin . --${kind} ${args.name}`);
    return { folder, package: packageName, files: Object.keys(files) };
  }
}

async function refuseOccupied(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new RevqError("plugin-folder", `${folder} cannot be used: ${error.message}.`, {
      fix: "Name another folder (-o).",
    });
  });
  if (names.length > 0) {
    throw new RevqError("plugin-folder", `${folder} is not empty: it holds ${names.slice(0, 3).join(", ")}.`, {
      fix: "Name another folder (-o).",
    });
  }
}

/** The version of core that this command line works with. */
async function coreVersion(): Promise<string> {
  const path = createRequire(import.meta.url).resolve("@revq/core/package.json");
  return (JSON.parse(await readFile(path, "utf8")) as { version: string }).version;
}
