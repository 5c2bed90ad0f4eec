/**
 * Made by `vite.config.ts`: the plugins of the workspace that run in browsers, by package name
 * (`@revq/quantizer-multigroup`).
 */
declare module "virtual:revq-plugins" {
  export const plugins: Readonly<Record<string, () => Promise<object>>>;
}
