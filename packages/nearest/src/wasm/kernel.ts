/**
 * The kernel as a WebAssembly module, compiled on first use; synchronously, for it has about 14 KB.
 */
import { kernelBase64 } from "./kernel.generated.js";

let compiled: WebAssembly.Module | null | undefined;

/** The module; null if WebAssembly or its SIMD instructions are missing or forbidden. */
export function kernelModule(): WebAssembly.Module | null {
  if (compiled === undefined) {
    try {
      const text = atob(kernelBase64.replace(/\s/g, ""));
      compiled = new WebAssembly.Module(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    } catch {
      compiled = null;
    }
  }
  return compiled;
}
