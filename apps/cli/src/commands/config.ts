import { Flags } from "@oclif/core";
import { annotateConfig, configSchema, resolveConfig, type JsonSchema, type RunConfig } from "@revq/train";
import { BaseCommand } from "../base-command.js";
import { configFlags, namedPlugins, userLayers } from "../config-flags.js";

export default class Config extends BaseCommand {
  static override summary = "Print the resolved training configuration as YAML that explains itself.";
  static override description =
    "Takes the flags of `revq train` and prints what they come to, key by key, with the place that decided each.";
  static override examples = [
    { description: "A file to start from:", command: "<%= config.bin %> config > revq.yaml" },
    { description: "What a preset means:", command: "<%= config.bin %> config --preset 512T" },
    {
      description:
        "What an editor completes by; the first line of revq.yaml is then: # yaml-language-server: $schema=revq.schema.json",
      command: "<%= config.bin %> config --schema > revq.schema.json",
    },
  ];
  static override flags = {
    ...configFlags,
    schema: Flags.boolean({
      description: "print the JSON Schema of config files instead, with the plugins found here",
    }),
  };

  async run(): Promise<RunConfig | JsonSchema> {
    const { flags } = await this.parse(Config);
    const { schema: asSchema, ...given } = flags;
    const layers = await userLayers(given);
    const { plugins } = await this.services(namedPlugins(given, layers));
    if (asSchema) {
      const schema = configSchema(plugins);
      this.log(JSON.stringify(schema, null, 2));
      return schema;
    }
    const resolved = resolveConfig(layers, plugins);
    this.log(annotateConfig(resolved, plugins).trimEnd());
    return resolved.config;
  }
}
