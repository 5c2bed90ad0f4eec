/**
 * One model for batches of any size out of two traces, of batches of two sizes. Both have the same operators. Where
 * their integer constants differ (shapes, ends of slices, repeats), they are linear in the batch, and the model
 * computes them.
 */
import type { Model, ModelInitializer, ModelNode, ModelPort } from "../onnx/model.js";

export interface Traced {
  readonly model: Model;
  readonly batch: number;
}

/**
 * Null if the traces differ in another way. Then the computation has no form for all batches.
 *
 * @param axis the name of the first axis of input and output
 */
export function anyBatch(first: Traced, second: Traced, axis: string): Model | null {
  const [a, b] = [first.model, second.model];
  if (a.nodes.length !== b.nodes.length) return null;
  const [constantsOfA, constantsOfB] = [byName(a.initializers), byName(b.initializers)];
  /** Names of results in the second trace -> names in the first. */
  const same = new Map(b.inputs.map(({ name }, i) => [name, a.inputs[i]!.name]));
  const computed = new ComputedSizes(a.inputs[0]!.name, [first.batch, second.batch]);
  const nodes: ModelNode[] = [];
  for (const [i, node] of a.nodes.entries()) {
    const other = b.nodes[i]!;
    if (!isSameOperator(node, other)) return null;
    const inputs = node.inputs.map((name, k) => {
      const [own, others] = [constantsOfA.get(name), constantsOfB.get(other.inputs[k]!)];
      if (!own || !others) return !own && !others && (same.get(other.inputs[k]!) ?? "") === name ? name : null;
      return isSameConstant(own, others) ? name : computed.nameOf(own, others, node.op === "Reshape" && k === 1);
    });
    if (inputs.includes(null)) return null;
    node.outputs.forEach((name, k) => same.set(other.outputs[k]!, name));
    nodes.push({ ...node, inputs: inputs as string[] });
  }
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const open = (port: ModelPort): ModelPort => ({ ...port, shape: [axis, ...port.shape.slice(1)] });
  return {
    nodes: [...computed.nodes, ...nodes],
    inputs: a.inputs.map(open),
    outputs: a.outputs.map(open),
    initializers: [...computed.initializers, ...a.initializers.filter(({ name }) => used.has(name))],
  };
}

/** Integer vectors that depend on the batch, as results of operators. */
class ComputedSizes {
  readonly nodes: ModelNode[] = [];
  readonly initializers: ModelInitializer[] = [];
  private readonly known = new Map<string, string>();
  private count = 0;

  constructor(
    private readonly input: string,
    private readonly batches: readonly [number, number],
  ) {}

  /** Null if the values are not linear in the batch. @param mayInfer a Reshape finds one size by itself, written as -1 */
  nameOf(own: ModelInitializer, other: ModelInitializer, mayInfer: boolean): string | null {
    if (own.type !== other.type || own.shape.length > 1 || `${own.shape}` !== `${other.shape}`) return null;
    if (own.type !== "int64" && own.type !== "int32") return null;
    const [small, large] = [integersOf(own), integersOf(other)];
    const [n, m] = this.batches;
    const lines = small.map((value, i) => {
      const slope = (large[i]! - value) / (m - n);
      return { slope, start: value - slope * n, value };
    });
    if (lines.some(({ slope }) => !Number.isInteger(slope))) return null;
    const open = lines.filter(({ slope }) => slope !== 0);
    if (mayInfer && open.length === 1 && !small.includes(0))
      return this.constant(lines.map(({ slope, value }) => (slope === 0 ? value : -1)));
    const key = `${own.type} ${own.shape.length} ${lines.map(({ slope, start }) => `${slope}n+${start}`)}`;
    const before = this.known.get(key);
    if (before !== undefined) return before;
    const parts = lines.map(({ slope, start }) => this.linear(slope, start));
    let name = parts.length === 1 ? parts[0]! : this.add("Concat", parts, { axis: 0 });
    if (own.shape.length === 0) name = this.add("Squeeze", [name]);
    if (own.type === "int32") name = this.add("Cast", [name], { to: 6 });
    this.known.set(key, name);
    return name;
  }

  private linear(slope: number, start: number): string {
    if (slope === 0) return this.constant([start]);
    const batch = this.once("batch", () => this.add("Shape", [this.input], { start: 0, end: 1 }));
    const scaled = slope === 1 ? batch : this.add("Mul", [batch, this.constant([slope])]);
    return start === 0 ? scaled : this.add("Add", [scaled, this.constant([start])]);
  }

  private constant(values: readonly number[]): string {
    return this.once(`constant ${values}`, () => {
      const name = this.newName();
      const bytes = new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
      this.initializers.push({ name, type: "int64", shape: [values.length], bytes });
      return name;
    });
  }

  private add(op: string, inputs: readonly string[], attributes: ModelNode["attributes"] = {}): string {
    const name = this.newName();
    this.nodes.push({ op, domain: "", inputs, outputs: [name], attributes });
    return name;
  }

  private once(key: string, make: () => string): string {
    const name = this.known.get(key) ?? make();
    this.known.set(key, name);
    return name;
  }

  private newName(): string {
    return `batch${this.count++}`;
  }
}

function byName(initializers: readonly ModelInitializer[]): Map<string, ModelInitializer> {
  return new Map(initializers.map((each) => [each.name, each]));
}

function isSameOperator(a: ModelNode, b: ModelNode): boolean {
  return (
    a.op === b.op &&
    a.domain === b.domain &&
    a.inputs.length === b.inputs.length &&
    a.outputs.length === b.outputs.length &&
    JSON.stringify(a.attributes) === JSON.stringify(b.attributes)
  );
}

function isSameConstant(a: ModelInitializer, b: ModelInitializer): boolean {
  if (a.type !== b.type || `${a.shape}` !== `${b.shape}`) return false;
  const isOneMemory = a.bytes.buffer === b.bytes.buffer && a.bytes.byteOffset === b.bytes.byteOffset;
  return isOneMemory || a.bytes.every((byte, i) => byte === b.bytes[i]);
}

function integersOf({ type, bytes }: ModelInitializer): number[] {
  const { buffer } = bytes.slice();
  return Array.from(type === "int64" ? new BigInt64Array(buffer) : new Int32Array(buffer), Number);
}
