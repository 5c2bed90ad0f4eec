/** WebGPU through Dawn on a Vulkan driver in software: what CI has where there is no GPU. */
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { unpackSwiftShader } from "../scripts/swiftshader.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

interface Outcome {
  readonly code: number;
  readonly output: string;
}

let unpacked: ReturnType<typeof unpackSwiftShader> | undefined;
let reason = "";
try {
  unpacked = unpackSwiftShader();
} catch (error) {
  reason = error instanceof Error ? error.message.split("\n", 1)[0]! : String(error);
}

/**
 * The libraries must be on the path when the process starts, so the tests run in one of their own.
 */
function vitest(file: string, env: Record<string, string>): Promise<Outcome> {
  const cli = join(root, "node_modules", "vitest", "vitest.mjs");
  const args = [cli, "run", `packages/engine/test/${file}`, "--reporter=verbose"];
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      args,
      { cwd: root, env: { ...process.env, ...unpacked!.env, ...env, NO_COLOR: "1" }, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, output: `${stdout}\n${stderr}` }),
    ),
  );
}

describe.skipIf(!unpacked)(`WebGPU on SwiftShader${reason && ` (skipped: ${reason})`}`, () => {
  afterAll(() => unpacked?.remove());

  it("equals tfjs cpu in every operation", { timeout: 300_000 }, async () => {
    const runs = process.env["REVQ_TEST_FULL"] === undefined ? "2" : "20";
    const { code, output } = await vitest("parity.test.ts", { REVQ_TEST_ENGINES: "webgpu", REVQ_TEST_RUNS: runs });
    expect(output).toContain("webgpu equals tfjs cpu");
    expect(code, output).toBe(0);
  });

  it("runs the graphs of the engine onnx, to the results of tfjs cpu", { timeout: 300_000 }, async () => {
    const runs = process.env["REVQ_TEST_FULL"] === undefined ? "1" : "20";
    const { code, output } = await vitest("parity.test.ts", {
      REVQ_TEST_ENGINES: "onnx",
      REVQ_TEST_RUNS: runs,
      REVQ_ONNX_PROVIDER: "webgpu",
    });
    expect(output).toContain("onnx equals tfjs cpu");
    expect(code, output).toBe(0);
  });

  it("is refused by auto, described, and refuses what it cannot do", { timeout: 120_000 }, async () => {
    const { code, output } = await vitest("webgpu-device.test.ts", { REVQ_TEST_SWIFTSHADER: "1" });
    expect(output).toContain("refuses a tensor larger than a buffer");
    expect(code, output).toBe(0);
  });
});
