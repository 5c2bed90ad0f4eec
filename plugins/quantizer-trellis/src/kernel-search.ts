/** The search in WebAssembly: the same paths as `plainSearch`, in SIMD. */
import { kernelBase64 } from "./kernel.generated.js";
import type { Path } from "./path.js";
import { blockSize, rateClasses } from "./rates.js";
import { plainSearch, type Search } from "./search.js";
import { branchesOf, columnsOf, states, sharedColumn, tableOffsets, tableSize, windows } from "./tables.js";

type Viterbi = (
  count: number,
  steps: number,
  tables: number,
  values: number,
  weights: number,
  scratch: number,
  columnOf: number,
  back: number,
  found: number,
) => void;

let compiled: WebAssembly.Module | null | undefined;

/** The kernel where WebAssembly has SIMD, else `plainSearch`. */
export function createSearch(path: Path): Search {
  compiled ??= compile();
  return compiled ? kernelSearch(compiled, path) : plainSearch(path);
}

/** Compiled synchronously: it has about 1 KB. */
function compile(): WebAssembly.Module | null {
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(kernelBase64.replace(/\s/g, "")), (byte) => byte.charCodeAt(0)));
  } catch {
    return null;
  }
}

function kernelSearch(module: WebAssembly.Module, path: Path): Search {
  const elements = Math.ceil(path.order.length / blockSize) * blockSize;
  let size = 0;
  const room = (bytes: number): number => {
    const at = size;
    size += Math.ceil(bytes / 16) * 16;
    return at;
  };
  const at = {
    steps: room(32 * path.steps),
    tables: room(4 * tableSize),
    values: room(4 * elements),
    weights: room(4 * elements),
    scratch: room(4 * (2 * windows + 2 * states)),
    columnOf: room(windows),
    back: room(path.steps * states),
    found: room(4 * path.steps),
  };
  const memory = new WebAssembly.Memory({ initial: Math.ceil(size / 65_536) });
  const { viterbi } = new WebAssembly.Instance(module, { env: { memory } }).exports as { viterbi: Viterbi };
  const floats = (start: number, length: number): Float32Array => new Float32Array(memory.buffer, start, length);
  const records = new Int32Array(memory.buffer, at.steps, 8 * path.steps);
  for (let step = 0; step < path.steps; step++) {
    const index = path.classOf[step]!;
    const each = rateClasses[index]!;
    const { vector } = each;
    records.set([4 * tableOffsets[index]!, vector, branchesOf(each), path.firstOf[step]!, columnsOf(each)], 8 * step);
  }
  const columnOf = new Uint8Array(memory.buffer, at.columnOf, windows);
  for (let window = 0; window < windows; window++) columnOf[window] = sharedColumn(window);
  return {
    load: (tables) => floats(at.tables, tableSize).set(tables),
    find(values, weights, found) {
      floats(at.values, elements).set(values);
      floats(at.weights, elements).set(weights);
      viterbi(path.steps, at.steps, at.tables, at.values, at.weights, at.scratch, at.columnOf, at.back, at.found);
      found.set(new Int32Array(memory.buffer, at.found, path.steps));
    },
  };
}
