import { revqWasm } from "@revq/engine/vite";

/** Puts the files of WebAssembly into `wasm/`, beside the page. */
export default { plugins: [revqWasm()] };
