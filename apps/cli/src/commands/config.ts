import { Flags } from "@oclif/core";
import { annotateConfig, configSchema, resolveConfig, type JsonSchema, type RunConfig } from "@revq/train/config";
import { BaseCommand } from "../base-command.js";
import { configFlags } from "../settings/config-flags.js";
import { namedPlugins, userLayers } from "../settings/layers.js";
import { withBundledLpips } from "../weights/bundled-lpips.js";

export default class Config extends BaseCommand {
  static override summary = "Print the resolved training configuration as commented YAML.";
  static override description =
    "Takes the flags of `revq train` and prints the configuration that results. Comments tell the meaning of every key and where its value comes from.";
  static override examples = [
    { description: "A first config file:", command: "<%= config.bin %> config > revq.yaml" },
    { description: "The settings of a preset:", command: "<%= config.bin %> config --preset 512T" },
    {
      description:
        "For completion in editors; the first line of revq.yaml is then: # yaml-language-server: $schema=revq.schema.json",
      command: "<%= config.bin %> config --schema > revq.schema.json",
    },
  ];
  static override flags = {
    ...configFlags,
    schema: Flags.boolean({
      description: "print the JSON Schema of config files instead, with the plugins that are found",
    }),
  };

  async run(): Promise<RunConfig | JsonSchema> {
    const { flags } = await this.parse(Config);
    const { schema: asSchema, ...given } = flags;
    const layers = await userLayers(given);
    const plugins = await this.plugins(namedPlugins(given, layers));
    if (asSchema) {
      const schema = configSchema(plugins);
      this.log(JSON.stringify(schema, null, 2));
      return schema;
    }
    const resolved = withBundledLpips(resolveConfig(layers, plugins));
    this.log(annotateConfig(resolved, plugins).trimEnd());
    return resolved.config;
  }
}
