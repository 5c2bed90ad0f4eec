/**
 * The trace: recorded operators that have not run, as a flat graph of values. `trace-queue.ts`
 * decides what runs and when. All shapes are concrete numbers.
 */
import type { Attributes, OnnxType } from "../onnx/model.js";
import type { HostBuffer } from "../memory/buffer-pool.js";

/** A tensor of the graph: the result of a node, a buffer fed from the host, or a constant. */
export interface Value {
  readonly type: OnnxType;
  readonly shape: readonly number[];
  /** The node with this result. */
  readonly node?: GraphNode;
  /** A host buffer to feed. Its contents are not part of the cached structure. */
  readonly buffer?: HostBuffer;
  /** Elements that are part of the cached structure: shapes, axes and other constants. */
  readonly constant?: Constant;
}

export interface Constant {
  readonly bytes: Uint8Array;
  /** The elements as text, for the structure key. */
  readonly key: string;
}

export interface GraphNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export interface ValueType {
  readonly type: OnnxType;
  readonly shape: readonly number[];
}

export interface NodeOptions {
  readonly attributes?: Attributes;
  /** "com.microsoft" for ONNX Runtime's own operators. */
  readonly domain?: string;
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

const BYTES: Record<OnnxType, number> = { float32: 4, int32: 4, bool: 1, uint8: 1, int64: 8, float64: 8, bfloat16: 2 };

export function byteLengthOf(value: ValueType): number {
  return sizeOf(value.shape) * BYTES[value.type];
}

export class Graph {
  /** In the order of recording, which is a valid order of execution. */
  nodes: GraphNode[] = [];
  /** True while only operators of the ONNX standard are allowed: for files. */
  portable = false;
  readonly #constants = new Map<string, Value>();

  /** Records an operator with one result. */
  add(op: string, inputs: readonly (Value | null)[], result: ValueType, options: NodeOptions = {}): Value {
    return this.addMany(op, inputs, [result], options)[0]!;
  }

  /** Records an operator with several results. */
  addMany(
    op: string,
    inputs: readonly (Value | null)[],
    results: readonly ValueType[],
    options: NodeOptions = {},
  ): Value[] {
    const outputs: Value[] = [];
    const node: GraphNode = { op, domain: options.domain ?? "", inputs, outputs, attributes: options.attributes ?? {} };
    for (const { type, shape } of results) outputs.push({ type, shape, node });
    this.nodes.push(node);
    return outputs;
  }

  /** An int64 vector constant (axes, shapes, pads); `[]` shape for a plain number. */
  int64(values: number | readonly number[]): Value {
    const list = typeof values === "number" ? [values] : values;
    const shape = typeof values === "number" ? [] : [values.length];
    return this.#constant("int64", shape, list.join(","), () => new BigInt64Array(list.map((value) => BigInt(value))));
  }

  /** A scalar constant of a tfjs type. Feed values that change between steps instead. */
  scalar(value: number, type: OnnxType): Value {
    return this.constant([value], [], type);
  }

  /** A small constant tensor, part of the cached structure. */
  constant(values: ArrayLike<number>, shape: readonly number[], type: OnnxType): Value {
    return this.#constant(
      type,
      shape,
      Array.from(values, (value) => (Object.is(value, -0) ? "-0" : String(value))).join(","),
      () => {
        if (type === "float32") return new Float32Array(values);
        if (type === "float64") return new Float64Array(values);
        if (type === "int32") return new Int32Array(values);
        if (type === "int64") return new BigInt64Array(Array.from(values, (value) => BigInt(value)));
        return new Uint8Array(values);
      },
    );
  }

  /** Forgets all records. */
  clear(): void {
    this.nodes = [];
    this.#constants.clear();
  }

  #constant(type: OnnxType, shape: readonly number[], text: string, make: () => ArrayBufferView): Value {
    const key = `${type}[${shape.join(",")}]${text}`;
    let value = this.#constants.get(key);
    if (!value) {
      const view = make();
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      value = { type, shape, constant: { bytes, key } };
      this.#constants.set(key, value);
    }
    return value;
  }
}
