/**
 * @revq/cli: the command `revq`, and `defineConfig` for configurations in JavaScript and TypeScript. Programs use @revq/train and
 * @revq/tokenizer instead.
 */
export { defineConfig, type UserConfig } from "@revq/train";
export { createContainer, services, type FoundPlugin } from "./container.js";
export { discoverPlugins, type Discovery } from "./discover-plugins.js";
export { includedPlugins } from "./included-plugins.js";
