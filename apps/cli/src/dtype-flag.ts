/**
 * `--dtype`: the precision of computing. Half precision is asked for and refused, because no engine has it: TensorFlow.js 4.22 has
 * float32 tensors only, its WebGPU backend too (whatever `shader-f16` says), and ONNX Runtime on CPUs widens halves around every
 * operator, which costs time. Half-precision weights are read and widened by every backbone.
 */
import { Flags, type Interfaces } from "@oclif/core";
import { RevqError } from "@revq/core";

/** @param group where `--help` lists it */
export function dtypeFlag(group?: string): Interfaces.OptionFlag<string | undefined> {
  return Flags.string({
    ...(group === undefined ? {} : { helpGroup: group }),
    description:
      "precision of computing; fp16 is refused: no engine here computes in half precision (weights in fp16 are read and widened)",
    options: ["fp32", "fp16"],
    parse: async (dtype) => {
      if (dtype === "fp32") return dtype;
      throw new RevqError(
        "dtype-fp16",
        "No engine computes in half precision: TensorFlow.js has float32 tensors only, on WebGPU too, and ONNX Runtime on a CPU widens them.",
        {
          fix: "Leave --dtype out: weights in fp16 are read and widened. For half precision on a GPU export the VAE to ONNX in fp16 and use --backbone onnx, which keeps what its files have.",
          exitCode: 2,
        },
      );
    },
  });
}
