/** @revq/train/config: the configuration of a run. It loads no tensor library and no engine. */
export { annotateConfig } from "./annotate.js";
export { decoderAdaptations, type DecoderAdaptation } from "../decoder/adaptations.js";
export { defineConfig, type UserConfig } from "./define-config.js";
export { environmentLayer, isSettingVariable } from "./environment.js";
export { configSchema, type JsonSchema } from "./json-schema.js";
export { joinLayers, setPath, type ConfigLayer } from "./layer.js";
export { presetNames, presets, type PresetName } from "./presets.js";
export { recipeNames, type RecipeName } from "./recipes.js";
export { resolveConfig, type NamedLayer, type ResolvedConfig } from "./resolve.js";
export { sourceList, sourcesText, type Sources } from "./sources.js";
export { maxReportImages, runConfigSchema, type RunConfig } from "./schema.js";
export { changesFrom, changeText, effectOf, refuseChanges, type SettingChange } from "../run/setting-changes.js";
export { selections, type Selection } from "../pictures/select.js";
