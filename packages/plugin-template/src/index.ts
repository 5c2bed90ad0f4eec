/** @revq/plugin-template: the files of a new plugin package, as text. Writes nothing: `revq plugins new` and `nx g @revq/tools:plugin` do. */
export { pluginFiles, type PluginTemplate, type TemplateKind } from "./plugin-files.js";
export { camelCase, checkName } from "./names.js";
