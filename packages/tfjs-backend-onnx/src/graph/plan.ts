/**
 * Plans a trace: the nodes that the wanted values need, a key of their structure, and the ONNX
 * model, which is built for new keys only. Traces with the same key run on the same session.
 */
import type { Model, ModelInitializer, ModelNode, ModelValue } from "../onnx/model.js";
import { byteLengthOf, sizeOf, type Graph, type GraphNode, type Value } from "./graph.js";

export interface Plan {
  readonly key: string;
  /** Values fed from the host, in the order of the model's inputs `i0`, `i1`, ... */
  readonly feeds: readonly Value[];
  /** In the order of the model's outputs; `outputNames[n]` is the name of `outputs[n]`. */
  readonly outputs: readonly Value[];
  readonly outputNames: readonly string[];
  /** Elements that all nodes write: a measure of the work. */
  readonly elements: number;
  /** Maximum of bytes in intermediate tensors at one time: the size of the arena. */
  peakBytes(): number;
  buildModel(): Model;
}

/**
 * Drops the nodes that no output needs and names the others by their index. `outputs` are results
 * of nodes, each once.
 */
export function planGraph(graph: Graph, outputs: readonly Value[]): Plan {
  const nodes = reachable(graph.nodes, outputs);
  const names = new Map<Value, string>();
  const feeds: Value[] = [];
  const constants: Value[] = [];
  const parts: string[] = [];
  let elements = 0;
  nodes.forEach((node, index) => {
    let part = `${node.op}/${node.outputs.length}`;
    for (const input of node.inputs) {
      if (!input) {
        part += " _";
        continue;
      }
      let name = names.get(input);
      if (name === undefined) {
        if (input.constant) {
          name = `c${constants.length}`;
          constants.push(input);
          part += ` {${input.constant.key}}`;
        } else if (input.buffer) {
          name = `i${feeds.length}`;
          feeds.push(input);
          part += ` <${input.type}[${input.shape.join(",")}]>`;
        } else throw new Error(`the trace is out of order: ${node.op} reads a value that no recorded node makes`);
        names.set(input, name);
      }
      part += ` ${name}`;
    }
    node.outputs.forEach((output, resultIndex) => {
      names.set(output, `n${index}_${resultIndex}`);
      elements += sizeOf(output.shape);
    });
    for (const name in node.attributes) part += ` ${name}=${attributeKey(node.attributes[name]!)}`;
    parts.push(part);
  });
  const outputNames = outputs.map((value) => names.get(value)!);
  const key = `${parts.join("\n")}\n-> ${outputNames.join(" ")}`;
  return {
    key,
    feeds,
    outputs,
    outputNames,
    elements,
    peakBytes: () => peakOf(nodes, new Set(outputs)),
    buildModel: () => toModel(nodes, names, feeds, constants, outputs, outputNames),
  };
}

/** Outputs live in buffers of ours and do not count. */
function peakOf(nodes: readonly GraphNode[], outputs: ReadonlySet<Value>): number {
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, index) => {
    for (const input of node.inputs) if (input?.node) lastUse.set(input, index);
  });
  let alive = 0;
  let peak = 0;
  nodes.forEach((node, index) => {
    for (const output of node.outputs) if (!outputs.has(output)) alive += byteLengthOf(output);
    peak = Math.max(peak, alive);
    for (const output of node.outputs) if (!outputs.has(output) && !lastUse.has(output)) alive -= byteLengthOf(output);
    for (const input of new Set(node.inputs)) {
      if (input?.node && lastUse.get(input) === index && !outputs.has(input)) alive -= byteLengthOf(input);
    }
  });
  return peak;
}

function attributeKey(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function reachable(nodes: readonly GraphNode[], outputs: readonly Value[]): GraphNode[] {
  const wanted = new Set<GraphNode>();
  for (const output of outputs) wanted.add(output.node!);
  const kept: GraphNode[] = [];
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index]!;
    if (!wanted.has(node)) continue;
    kept.push(node);
    for (const input of node.inputs) if (input?.node) wanted.add(input.node);
  }
  return kept.reverse();
}

function toModel(
  nodes: readonly GraphNode[],
  names: ReadonlyMap<Value, string>,
  feeds: readonly Value[],
  constants: readonly Value[],
  outputs: readonly Value[],
  outputNames: readonly string[],
): Model {
  const describe = (value: Value, name: string): ModelValue => ({ name, type: value.type, shape: value.shape });
  return {
    nodes: nodes.map((node): ModelNode => ({
      op: node.op,
      domain: node.domain,
      inputs: node.inputs.map((input) => (input ? names.get(input)! : "")),
      outputs: node.outputs.map((output) => names.get(output)!),
      attributes: node.attributes,
    })),
    inputs: feeds.map((value, index) => describe(value, `i${index}`)),
    outputs: outputs.map((value, index) => describe(value, outputNames[index]!)),
    initializers: constants.map((value): ModelInitializer => ({
      ...describe(value, names.get(value)!),
      bytes: value.constant!.bytes,
    })),
  };
}
