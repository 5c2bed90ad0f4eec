/** `src/index.ts` of a new plugin: its descriptor. */
export type TemplateKind = "backbone" | "transform" | "quantizer" | "rectifier";

export interface Descriptor {
  readonly kind: TemplateKind;
  readonly name: string;
  /** Name of the export. */
  readonly plugin: string;
  /** One line: of the file, and of the plugin. */
  readonly title: string;
  /** Values that are imported from @revq/core beside `definePlugin`. */
  readonly imports: readonly string[];
  /** Members of the options' `z.strictObject`. */
  readonly options: string;
  /** Members of the descriptor between `options` and `create`, indented by two. */
  readonly members: string;
  /** Parameters of `create`, and what it passes on to `create<Kind>` of `src/<kind>.ts`. */
  readonly create: readonly [parameters: string, passedOn: string];
}

export function descriptorSource({ kind, name, plugin, title, imports, options, members, create }: Descriptor): string {
  const capital = kind[0]!.toUpperCase() + kind.slice(1);
  return `/** The ${kind} \`${name}\`. \`create\` loads its code, so this module loads no tensor engine. */
import { ${["definePlugin", ...imports, "type OptionsOf"].join(", ")} } from "@revq/core";
import { z } from "zod";

export const ${plugin} = definePlugin({
  kind: "${kind}",
  id: "${name}",
  title: "${title}",
  options: z.strictObject({${options && `\n    ${options}\n  `}}),
${members}
  create: async (${create[0]}) => (await import("./${kind}.js")).create${capital}(${create[1]}),
});

// Lets editors complete the id and the options in a typed configuration.
declare module "@revq/core" {
  interface Known${capital}s {
    "${name}": OptionsOf<typeof ${plugin}>;
  }
}
`;
}
