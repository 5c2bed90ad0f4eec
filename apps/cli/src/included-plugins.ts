/** The plugins that come with the CLI, each loaded when it is asked for. The imports also make their ids and options known to editors. */
export const includedPlugins = {
  "@revq/backbone-dc-ae": () => import("@revq/backbone-dc-ae"),
  "@revq/backbone-linear": () => import("@revq/backbone-linear"),
  "@revq/backbone-onnx": () => import("@revq/backbone-onnx"),
  "@revq/backbone-sd-vae": () => import("@revq/backbone-sd-vae"),
  "@revq/backbone-tae": () => import("@revq/backbone-tae"),
  "@revq/quantizer-fsq": () => import("@revq/quantizer-fsq"),
  "@revq/quantizer-lfq": () => import("@revq/quantizer-lfq"),
  "@revq/quantizer-multigroup": () => import("@revq/quantizer-multigroup"),
  "@revq/quantizer-residual": () => import("@revq/quantizer-residual"),
  "@revq/quantizer-tokenbridge": () => import("@revq/quantizer-tokenbridge"),
  "@revq/quantizer-vq": () => import("@revq/quantizer-vq"),
  "@revq/rectifier-cnn": () => import("@revq/rectifier-cnn"),
  "@revq/rectifier-efficientvit": () => import("@revq/rectifier-efficientvit"),
  "@revq/rectifier-identity": () => import("@revq/rectifier-identity"),
  "@revq/rectifier-mlp": () => import("@revq/rectifier-mlp"),
} satisfies Readonly<Record<string, () => Promise<object>>>;
