import { annotateConfig, resolveConfig, type RunConfig } from "@revq/train";
import { BaseCommand } from "../base-command.js";
import { configFlags, namedPlugins, userLayers } from "../config-flags.js";

export default class Config extends BaseCommand {
  static override summary = "Print the resolved training configuration as YAML that explains itself.";
  static override description =
    "Takes the flags of `revq train` and prints what they come to, key by key, with the place that decided each.";
  static override examples = [
    { description: "A file to start from:", command: "<%= config.bin %> config > revq.yaml" },
    { description: "What a preset means:", command: "<%= config.bin %> config --preset 512T" },
  ];
  static override flags = configFlags;

  async run(): Promise<RunConfig> {
    const { flags } = await this.parse(Config);
    const layers = await userLayers(flags);
    const { plugins } = await this.services(namedPlugins(flags, layers));
    const resolved = resolveConfig(layers, plugins);
    this.log(annotateConfig(resolved, plugins).trimEnd());
    return resolved.config;
  }
}
