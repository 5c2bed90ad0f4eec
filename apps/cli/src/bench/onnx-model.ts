/**
 * Writes the ONNX file of one chain: `value = op(value, constant)`, `steps` times, then the sum of all elements. It is no
 * general writer. Formats: https://protobuf.dev/programming-guides/encoding/ and onnx.proto of https://github.com/onnx/onnx.
 */
import type { OnnxChain } from "./onnx-chain.js";

type Bytes = readonly number[];

const float32 = 1;
const intsAttribute = 7;
/** Version of the file format, and of the operators. */
const [irVersion, operatorSet] = [9, 18];

/** Inputs `value` and `constant`, output `sum` (a scalar), all float32. */
export function onnxChainModel(chain: OnnxChain, steps: number): Uint8Array {
  const names = Array.from({ length: steps + 1 }, (_, step) => (step === 0 ? "value" : `value${step}`));
  const pads = chain.pads
    ? message(5, text(1, "pads"), ...chain.pads.map((pad) => integer(8, pad)), integer(20, intsAttribute))
    : [];
  const nodes = names.slice(1).flatMap((output, step) => node(chain.op, [names[step]!, "constant"], output, pads));
  const keepDims = message(5, text(1, "keepdims"), integer(3, 0), integer(20, 2));
  const graph = message(
    7,
    nodes,
    node("ReduceSum", [names.at(-1)!], "sum", keepDims),
    text(2, "chain"),
    typedValue(11, "value", chain.valueShape),
    typedValue(11, "constant", chain.constantShape),
    typedValue(12, "sum", []),
  );
  return Uint8Array.from([...integer(1, irVersion), ...graph, ...message(8, text(1, ""), integer(2, operatorSet))]);
}

function node(op: string, inputs: readonly string[], output: string, attributes: Bytes): Bytes {
  return message(1, ...inputs.map((name) => text(1, name)), text(2, output), text(4, op), attributes);
}

function typedValue(field: number, name: string, shape: readonly number[]): Bytes {
  const dimensions = message(2, ...shape.map((size) => message(1, integer(1, size))));
  return message(field, text(1, name), message(2, message(1, integer(1, float32), dimensions)));
}

function varint(value: number): Bytes {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function integer(field: number, value: number): Bytes {
  return [...varint(field * 8), ...varint(value)];
}

function message(field: number, ...parts: readonly Bytes[]): Bytes {
  const content = parts.flat();
  return [...varint(field * 8 + 2), ...varint(content.length), ...content];
}

function text(field: number, value: string): Bytes {
  return message(field, [...new TextEncoder().encode(value)]);
}
