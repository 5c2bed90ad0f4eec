/**
 * @revq/cli: the command `revq`, and `defineConfig` for configurations in JavaScript and TypeScript. Programs use
 * @revq/train and @revq/tokenizer instead.
 */
export { defineConfig, type UserConfig } from "@revq/train/config";
export { createContainer, services } from "./composition/container.js";
export type { FoundPlugin } from "./composition/discover-plugins.js";
export { discoverPlugins, type Discovery } from "./composition/discover-plugins.js";
export { includedPlugins } from "./composition/included-plugins.js";
