/** Made by `vite.config.ts`: the plugins of the workspace that run in browsers, by folder name (`quantizer-multigroup`). */
declare module "virtual:revq-plugins" {
  export const plugins: Readonly<Record<string, () => Promise<object>>>;
}
