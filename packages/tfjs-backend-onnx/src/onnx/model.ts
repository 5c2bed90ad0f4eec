/**
 * Encodes a flat list of operators as an ONNX ModelProto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). It knows the file format and nothing of
 * tfjs, tracing or sessions.
 */
import { ProtobufWriter } from "./protobuf.js";

/** Element types of a graph. The first three are types of tfjs tensors. */
export type OnnxType = "float32" | "int32" | "bool" | "int64" | "float64" | "uint8" | "bfloat16";

const TYPE_CODES: Record<OnnxType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  bfloat16: 16,
};

/** The code for the `to` attribute of `Cast`. */
export function onnxTypeCode(type: OnnxType): number {
  return TYPE_CODES[type];
}

/**
 * A plain number is an INT attribute; wrap it in `float()` for a FLOAT. An array is INTS, a string
 * is STRING.
 */
export type AttributeValue = number | { readonly float: number } | readonly number[] | string;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Marks an attribute as FLOAT. */
export function float(value: number): { readonly float: number } {
  return { float: value };
}

/** One operator; an empty input name leaves an optional input out. */
export interface ModelNode {
  readonly name?: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A typed and shaped graph input or output. */
export interface ModelValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
}

/** A constant; `bytes` are its elements in little-endian order. */
export interface ModelInitializer extends ModelValue {
  readonly bytes: Uint8Array;
}

/** An input or output of a model. A name in its shape stands for any size, the same wherever it stands. */
export interface ModelPort extends Omit<ModelValue, "shape"> {
  readonly shape: readonly (number | string)[];
}

export interface Model {
  readonly nodes: readonly ModelNode[];
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  readonly initializers: readonly ModelInitializer[];
}

/** ONNX Runtime's domain of convolutions on blocked channels, see `kernels/blocked.ts`. */
export const BLOCKED_DOMAIN = "com.microsoft.nchwc";

/**
 * ONNX operator set 18 (reductions take axes as input, Scatter has reductions) and ONNX Runtime's
 * own domains.
 */
const IR_VERSION = 9;
const OPSET = 18;

/** Model -> serialised ModelProto. */
export function encodeModel(model: Model): Uint8Array {
  const writer = new ProtobufWriter()
    .varint(1, IR_VERSION)
    .message(7, (graph) => {
      for (const node of model.nodes) graph.message(1, (writer) => writeNode(writer, node));
      graph.string(2, "trace");
      for (const constant of model.initializers) writeInitializer(graph, constant);
      for (const value of model.inputs) graph.message(11, (writer) => writeValue(writer, value));
      for (const value of model.outputs) graph.message(12, (writer) => writeValue(writer, value));
    })
    .message(8, (opset) => opset.string(1, "").varint(2, OPSET));
  for (const domain of new Set(model.nodes.map((node) => node.domain)))
    if (domain) writer.message(8, (opset) => opset.string(1, domain).varint(2, 1));
  return writer.finish();
}

/**
 * The file in parts, for models with large constants. Protobuf merges the parts of a message, so
 * each constant is a part of the graph of its own.
 */
export function* encodeModelInParts(model: Model): Generator<Uint8Array> {
  yield encodeModel({ ...model, initializers: [] });
  for (const constant of model.initializers)
    yield new ProtobufWriter().message(7, (graph) => writeInitializer(graph, constant)).finish();
}

function writeInitializer(graph: ProtobufWriter, constant: ModelInitializer): void {
  graph.message(5, (tensor) => {
    for (const size of constant.shape) tensor.varint(1, size);
    tensor.varint(2, TYPE_CODES[constant.type]).string(8, constant.name).bytes(9, constant.bytes);
  });
}

function writeNode(writer: ProtobufWriter, node: ModelNode): void {
  for (const name of node.inputs) writer.string(1, name);
  for (const name of node.outputs) writer.string(2, name);
  if (node.name) writer.string(3, node.name);
  writer.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (attribute) => writeAttribute(attribute.string(1, name), value));
  }
  if (node.domain) writer.string(7, node.domain);
}

function writeAttribute(writer: ProtobufWriter, value: AttributeValue): void {
  if (typeof value === "number") writer.varint(3, value).varint(20, 2);
  else if (typeof value === "string") writer.string(4, value).varint(20, 3);
  else if ("float" in value) writer.float(2, value.float).varint(20, 1);
  else {
    for (const item of value) writer.varint(8, item);
    writer.varint(20, 7);
  }
}

function writeValue(writer: ProtobufWriter, value: ModelPort): void {
  writer.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.varint(1, TYPE_CODES[value.type]).message(2, (shape) => {
        for (const size of value.shape)
          shape.message(1, (dimension) =>
            typeof size === "number" ? dimension.varint(1, size) : dimension.string(2, size),
          );
      }),
    ),
  );
}
