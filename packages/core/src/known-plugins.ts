/**
 * Ids and options for editors. Every plugin package adds its own by declaration merging, so a typed
 * configuration knows the plugins of the imported packages. Types only.
 *
 *     declare module "@revq/core" {
 *       interface KnownQuantizers {
 *         "my-vq": OptionsOf<typeof myVq>;
 *       }
 *     }
 */
import type { z } from "zod";
import type { OptionsSchema, PluginKind } from "./plugin.js";

/* eslint-disable @typescript-eslint/no-empty-object-type -- filled by plugin packages */
/** Backbones by id, with the options that a user may give. */
export interface KnownBackbones {}
/** Quantizers by id, with the options that a user may give. */
export interface KnownQuantizers {}
/** Transforms by id, with the options that a user may give. */
export interface KnownTransforms {}
/** Rectifiers by id, with the options that a user may give. */
export interface KnownRectifiers {}
/* eslint-enable @typescript-eslint/no-empty-object-type */

/** The known plugins of each kind. */
export interface KnownPlugins extends Record<PluginKind, object> {
  backbone: KnownBackbones;
  quantizer: KnownQuantizers;
  transform: KnownTransforms;
  rectifier: KnownRectifiers;
}

/** Options of a plugin as a user writes them: what has a default may be left out. */
export type OptionsOf<P extends { readonly options: OptionsSchema }> = z.input<P["options"]>;

/** A plugin in a configuration: its id, and beside it options of that plugin. */
export type PluginChoice<Kind extends PluginKind> = {
  [Id in keyof KnownPlugins[Kind]]: { id: Id } & KnownPlugins[Kind][Id];
}[keyof KnownPlugins[Kind]];
