/** Options of the backbone `onnx`. */
import { z } from "zod";

export const providers = ["cpu", "cuda", "webgpu", "coreml", "dml"] as const;

export const optionsSchema = z.strictObject({
  provider: z
    .enum(["auto", ...providers])
    .default("auto")
    .describe(
      "The execution provider of ONNX Runtime. auto: webgpu on a WebGPU engine, cuda on node-gpu, else cpu; " +
        "cpu also where the other is missing.",
    ),
  latent: z
    .enum(["auto", "all", "mean"])
    .default("auto")
    .describe(
      "The part of the encoder's output that is the latent: all, or the first half (mean) of mean and log-variance. auto: mean " +
        "when the decoder takes half as many channels, or the output is named latent_parameters.",
    ),
});

export type OnnxOptions = z.output<typeof optionsSchema>;
