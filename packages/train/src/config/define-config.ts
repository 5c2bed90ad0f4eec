/**
 * The type of a configuration written as a program, such as `revq.config.js`. Editors complete ids
 * and options from it.
 */
import type { PluginChoice } from "@revq/core";
import type { RunConfig } from "./schema.js";

type Sections = Omit<RunConfig, "backbone" | "transform" | "quantizer" | "rectifier">;
type Partly<T> = { [Key in keyof T]?: T[Key] extends readonly unknown[] | null ? T[Key] : PartlyIfSection<T[Key]> };
type PartlyIfSection<T> = T extends readonly unknown[] ? T : T extends object ? Partly<T> : T;

/** Any of the settings. A plugin is named by its `id`, with its options beside it. */
export type UserConfig = Partly<Sections> & {
  backbone?: PluginChoice<"backbone"> &
    Partial<Pick<RunConfig["backbone"], "weights" | "embed">> & {
      decoder?: PluginChoice<"backbone"> & { weights?: string | null };
    };
  transform?: (PluginChoice<"transform"> | { readonly id: "auto" }) & Partial<Pick<RunConfig["transform"], "metric">>;
  quantizer?: PluginChoice<"quantizer">;
  rectifier?: PluginChoice<"rectifier">;
};

/** Returns its argument; only its type matters. The values are checked when the file is read. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}
