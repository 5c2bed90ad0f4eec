/**
 * One ONNX model with one image-like input and output, as a function of channel-first arrays.
 * Models with a fixed batch size get batches that are filled up with zeros. Models in float16 get
 * rounded inputs, and their outputs are widened.
 */
import { RevqError } from "@revq/core";
import { float16ToFloat32, float32ToFloat16 } from "@revq/formats";
import type { InferenceSession, Tensor } from "onnxruntime-common";
import { loadRuntime, type OnnxRuntime, type Provider } from "./runtime.js";

/** `[n, c, h, w]` float32, row-major. */
export interface Planes {
  readonly shape: readonly [number, number, number, number];
  readonly data: Float32Array;
}

export interface OnnxModel {
  readonly provider: Provider;
  /** Sizes that the model declares for its input `[n, c, h, w]`; null where any size is allowed. */
  readonly inputShape: readonly (number | null)[];
  readonly outputName: string;
  run(input: Planes): Promise<Planes>;
  dispose(): void;
}

/**
 * @param name for messages: "the encoder"
 * @param fallback the provider to use when `provider` cannot open the model
 * @throws RevqError `onnx-model`, `onnx-model-interface`, `onnxruntime-missing`
 */
export async function openModel(
  name: string,
  bytes: Uint8Array,
  provider: Provider,
  fallback?: Provider,
): Promise<OnnxModel> {
  const runtime = await loadRuntime();
  let session: InferenceSession;
  try {
    session = await runtime.InferenceSession.create(bytes, sessionOptions(provider));
  } catch (cause) {
    if (fallback !== undefined && fallback !== provider) return openModel(name, bytes, fallback);
    const onCpu = provider === "cpu";
    throw new RevqError("onnx-model", `ONNX Runtime (${provider}) cannot open ${name}: ${firstLine(cause)}.`, {
      fix: `Is the file a complete ONNX model, and does this version of ONNX Runtime support it?${onCpu ? "" : " The provider cpu needs no GPU."}`,
      ...(onCpu ? {} : { setting: { path: "backbone.provider", value: "cpu" } }),
      cause,
    });
  }
  const inputs = tensorsOf(session.inputMetadata);
  const outputs = tensorsOf(session.outputMetadata);
  const [input] = inputs;
  const [output] = outputs;
  const supported = (type: string | undefined): boolean => type === "float32" || type === "float16";
  if (inputs.length !== 1 || !supported(input?.type) || !supported(output?.type)) {
    await session.release();
    const described = inputs.map((one) => `${one.name} ${one.type}`).join(", ") || "nothing";
    throw new RevqError(
      "onnx-model-interface",
      `${name} takes ${described}; expected one image or latent [n, c, h, w] in floating point.`,
      { fix: "Export encoder and decoder separately, each with one input." },
    );
  }
  const inputShape = input!.shape.map((size) => (typeof size === "number" && size > 0 ? size : null));
  const type = input!.type as "float32" | "float16";
  let batch = inputShape[0] ?? null;

  async function runAtOnce({ shape, data }: Planes): Promise<Planes> {
    let result: Tensor;
    try {
      const feed = type === "float16" ? halfTensor(runtime, data, shape) : new runtime.Tensor(type, data, shape);
      result = (await session.run({ [input!.name]: feed }))[output!.name]!;
    } catch (cause) {
      throw new RevqError("onnx-run", `${name} failed on an input of [${shape}]: ${firstLine(cause)}.`, {
        fix: "Does the model support images of this size?",
        setting: { path: "data.imageSize" },
        cause,
      });
    }
    if (result.dims.length !== 4 || result.dims[0] !== shape[0]) {
      throw new RevqError(
        "onnx-model-interface",
        `${name} gives an output of [${result.dims}] for an input of [${shape}]; expected [${shape[0]}, c, h, w].`,
        { fix: "Export encoder and decoder separately, each from one image-like tensor to another." },
      );
    }
    const values = (await result.getData()) as Float32Array | Uint16Array;
    result.dispose();
    return {
      shape: result.dims as unknown as Planes["shape"],
      data:
        values instanceof Float32Array
          ? values
          : float16ToFloat32(new Uint16Array(values.buffer, values.byteOffset, values.length)),
    };
  }

  return {
    provider,
    inputShape,
    outputName: output!.name,
    async run(whole) {
      const [n, c, h, w] = whole.shape;
      if (batch === null || batch === n) {
        try {
          return await runAtOnce(whole);
        } catch (error) {
          // Exporters declare any batch size also where a layer inside was traced with one image.
          if (batch !== null || n === 1) throw error;
          batch = 1;
        }
      }
      const size = batch;
      const each = c * h * w;
      const parts: Planes[] = [];
      for (let start = 0; start < n; start += size) {
        const data = new Float32Array(size * each);
        data.set(whole.data.subarray(start * each, (start + size) * each));
        parts.push(await runAtOnce({ shape: [size, c, h, w], data }));
      }
      const [, oc, oh, ow] = parts[0]!.shape;
      const data = new Float32Array(n * oc * oh * ow);
      parts.forEach((part, index) => {
        const at = index * size * oc * oh * ow;
        data.set(part.data.subarray(0, Math.min(part.data.length, data.length - at)), at);
      });
      return { shape: [n, oc, oh, ow], data };
    },
    dispose: () => void session.release(),
  };
}

/**
 * float32 -> a float16 tensor. Where JavaScript has a Float16Array (Node 24), onnxruntime-common
 * makes the data one, and onnxruntime-node 1.30 takes that for an empty array; it takes raw bits.
 */
function halfTensor(runtime: OnnxRuntime, values: Float32Array, shape: Planes["shape"]): Tensor {
  const bits = float32ToFloat16(values);
  const tensor = new runtime.Tensor("float16", bits, shape);
  return Object.defineProperty(tensor, "data", { value: bits });
}

function sessionOptions(provider: Provider): InferenceSession.SessionOptions {
  return {
    executionProviders: provider === "cpu" ? ["cpu"] : [provider, "cpu"],
    graphOptimizationLevel: "all",
    // Errors are thrown. The log would only repeat them.
    logSeverityLevel: 4,
  };
}

function tensorsOf(metadata: readonly InferenceSession.ValueMetadata[]): InferenceSession.TensorValueMetadata[] {
  return metadata.filter((value): value is InferenceSession.TensorValueMetadata => value.isTensor);
}

function firstLine(cause: unknown): string {
  const line = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!;
  // Without the place in ONNX Runtime's own source.
  return line.replace(/^\/onnxruntime_src\/\S+:\d+ .*?\) (?=[A-Z])/, "").replace(/\.$/, "");
}
