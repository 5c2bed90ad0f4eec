/** The test for NaN and infinities: every search scans its input first. */
import { kernelModule } from "./kernel.js";

/** Values copied into the kernel's memory at a time: 32 KiB, the first-level cache. */
const block = 8192;
const start = 65536;

let scan: ((values: Float32Array) => boolean) | undefined;

/** Whether no value is NaN or infinite. */
export function allFinite(values: Float32Array): boolean {
  scan ??= createScan();
  return scan(values);
}

function createScan(): (values: Float32Array) => boolean {
  const module = kernelModule();
  if (!module) return (values) => values.every(Number.isFinite);
  const memory = new WebAssembly.Memory({ initial: 2 });
  const kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as {
    allFinite(values: number, n: number): number;
  };
  const copy = new Float32Array(memory.buffer, start, block);
  return (values) => {
    for (let first = 0; first < values.length; first += block) {
      const part = values.subarray(first, first + block);
      copy.set(part);
      if (kernel.allFinite(start, part.length) === 0) return false;
    }
    return true;
  };
}
