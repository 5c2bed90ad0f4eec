/** @revq/cli: the command `revq`. Programs use @revq/train and @revq/tokenizer instead. */
export { createContainer, services, type FoundPlugin } from "./container.js";
export { discoverPlugins, type Discovery } from "./discover-plugins.js";
