/** Options of the backbone `onnx`. */
import { z } from "zod";

export const providers = ["cpu", "cuda", "webgpu", "coreml", "dml"] as const;

export const optionsSchema = z.strictObject({
  provider: z
    .enum(["auto", ...providers])
    .default("auto")
    .describe(
      "What runs the two models: ONNX Runtime's cpu, cuda, webgpu, coreml or dml. auto: webgpu on a WebGPU engine, cuda on node-gpu, " +
        "else cpu; cpu where the other cannot be had.",
    ),
  latent: z
    .enum(["auto", "all", "mean"])
    .default("auto")
    .describe(
      "What of the encoder's output is the latent: all of it, or its first half (mean) where it is mean and log-variance. auto: mean " +
        "when the decoder takes half as many channels, or the output is called latent_parameters.",
    ),
});

export type OnnxOptions = z.output<typeof optionsSchema>;
