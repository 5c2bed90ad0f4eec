/**
 * @revq/plugin-template: the files of a new plugin package, as text. It writes nothing: `revq
 * plugins new` and `nx g @revq/tools:plugin` do.
 */
export { camelCase, checkName } from "./names.js";
export { pluginFiles, type PluginTemplate } from "./plugin-files.js";
export type { TemplateKind } from "./sources/descriptor.js";
