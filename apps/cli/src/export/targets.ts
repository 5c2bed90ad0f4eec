/** What `revq export --to` writes. Each target loads its code when it is asked for. */
import type { Tokenizer } from "@revq/tokenizer";
import type { OnnxExport } from "./onnx-export.js";

interface Target {
  /** The engine onnx records the models. */
  readonly tracesOnnx: boolean;
  /** @param batch images that ONNX models take at once; null: any number */
  write(tokenizer: Tokenizer, folder: string, batch: number | null): Promise<OnnxExport | null>;
}

export const targets: Readonly<Record<string, Target>> = {
  onnx: {
    tracesOnnx: true,
    write: async (...args) => (await import("./to-onnx.js")).exportOnnx(...args),
  },
  pytorch: {
    tracesOnnx: false,
    write: async (tokenizer, folder) => {
      await (await import("./to-pytorch.js")).exportPyTorch(tokenizer, folder);
      return null;
    },
  },
  tfjs: {
    tracesOnnx: false,
    write: async (tokenizer, folder) => {
      await (await import("./to-tfjs.js")).exportTfjs(tokenizer, folder);
      return null;
    },
  },
  "transformers.js": {
    tracesOnnx: true,
    write: async (...args) => (await import("./to-transformers-js.js")).exportTransformersJs(...args),
  },
};
