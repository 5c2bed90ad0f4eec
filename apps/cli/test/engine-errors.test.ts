/** Every error of the engine package is either "no usable engine" (3) or named here as something else. */
import { RevqError } from "@revq/core";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { exitCodeOf, noEngineExitCode } from "../src/errors/exit-code.js";

/** Errors in the middle of work, or of the caller: another engine would not be the remedy. */
const otherErrors = [
  "engine-unknown",
  "gradients-missing",
  "wasm-data-format",
  "wasm-dtype",
  "wasm-memory",
  "webgpu-device-lost",
  "webgpu-limit",
  "webgpu-sync-read",
];

const source = fileURLToPath(new URL("../../../packages/engine/src", import.meta.url));
const codes = new Set(
  readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => [...readFileSync(join(source, name), "utf8").matchAll(/RevqError\(\s*"([a-z0-9-]+)"/g)])
    .map(([, code]) => code!),
);

it("finds the codes", () => expect(codes.size).toBeGreaterThan(10));

it.each([...codes].sort())("%s", (code) => {
  const isNoEngine = exitCodeOf(new RevqError(code, ""), {}) === noEngineExitCode;
  expect(isNoEngine).toBe(!otherErrors.includes(code));
});
