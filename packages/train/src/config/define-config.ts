/** A configuration as a program writes it: what `revq.config.js` exports, with types by which an editor completes ids and options. */
import type { PluginChoice } from "@revq/core";
import type { RunConfig } from "./schema.js";

type Sections = Omit<RunConfig, "backbone" | "quantizer" | "rectifier">;
type Partly<T> = { [Key in keyof T]?: T[Key] extends readonly unknown[] | null ? T[Key] : PartlyIfSection<T[Key]> };
type PartlyIfSection<T> = T extends object ? Partly<T> : T;

/** Any of the keys that `revq config` prints. A plugin is named by its `id`, with its options beside it. */
export type UserConfig = Partly<Sections> & {
  backbone?: PluginChoice<"backbone"> & Partial<Pick<RunConfig["backbone"], "weights" | "embed">>;
  quantizer?: PluginChoice<"quantizer">;
  rectifier?: PluginChoice<"rectifier">;
};

/** Gives back what it is given; it is there for its type. Values are checked when the file is read. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}
