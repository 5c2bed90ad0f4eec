import { Flags } from "@oclif/core";
import { pluginKinds, type PluginKind } from "@revq/core";
import { z } from "zod";
import { BaseCommand } from "../../base-command.js";

interface OptionReport {
  readonly name: string;
  readonly default: unknown;
  readonly description: string;
}

interface PluginReport {
  readonly kind: PluginKind;
  readonly id: string;
  readonly title: string;
  readonly origin: string;
  readonly weights?: string;
  readonly options: readonly OptionReport[];
}

export default class Plugins extends BaseCommand {
  static override summary = "List the installed backbones, transforms, quantizers and rectifiers, with their options.";
  static override description =
    "Lists the bundled plugins; packages with the keyword revq-plugin that the project in this folder, or in a folder above it, depends on; packages installed beside revq; and those of --plugin.";
  static override examples = [
    "<%= config.bin %> plugins",
    { description: "Only quantizers:", command: "<%= config.bin %> plugins --kind quantizer" },
    {
      description: "With your own plugin:",
      command: "<%= config.bin %> plugins --plugin ./my-plugin/dist/index.js",
    },
  ];
  static override flags = { kind: Flags.string({ description: "only this kind", options: pluginKinds }) };

  async run(): Promise<{ plugins: PluginReport[] }> {
    const { flags } = await this.parse(Plugins);
    const registry = await this.plugins(flags.plugin);
    const reports = registry
      .list()
      .filter(({ plugin }) => !flags.kind || plugin.kind === flags.kind)
      .map(({ plugin, origin }) => ({
        kind: plugin.kind,
        id: plugin.id,
        title: plugin.title,
        origin,
        ...(plugin.kind === "backbone" ? { weights: plugin.weights } : {}),
        options: describeOptions(plugin.options),
      }));
    for (const kind of pluginKinds) {
      const ofKind = reports.filter((report) => report.kind === kind);
      if (ofKind.length === 0) continue;
      this.log(`${kind}s (--${kind} <id>, options by --set ${kind}.<option>=…)`);
      for (const report of ofKind) {
        this.log(`  ${report.id.padEnd(14)} ${report.title}  [${report.origin}]`);
        for (const option of report.options) {
          const preset = option.default === undefined ? "" : ` (default ${JSON.stringify(option.default)})`;
          this.log(`      ${option.name.padEnd(12)} ${option.description}${preset}`);
        }
      }
    }
    return { plugins: reports };
  }
}

function describeOptions(schema: z.ZodObject): OptionReport[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).map(([name, property]) => {
    const { default: preset, description = "" } = property as { default?: unknown; description?: string };
    return { name, default: preset, description };
  });
}
