/**
 * The WGSL kernel through Dawn on a Vulkan driver in software: what there is where there is no GPU.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { unpackSwiftShader } from "../../engine/scripts/swiftshader.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));

let unpacked: ReturnType<typeof unpackSwiftShader> | undefined;
let reason = "";
try {
  unpacked = unpackSwiftShader();
} catch (error) {
  reason = error instanceof Error ? error.message.split("\n", 1)[0]! : String(error);
}

describe.skipIf(!unpacked)(`WGSL on SwiftShader${reason && ` (skipped: ${reason})`}`, () => {
  afterAll(() => unpacked?.remove());

  // The libraries must be on the path when the process starts, so the tests run in one of their
  // own.
  it("gives the reference's bits", { timeout: 300_000 }, async () => {
    const cli = join(root, "node_modules", "vitest", "vitest.mjs");
    const env = { ...process.env, ...unpacked!.env, REVQ_TEST_SWIFTSHADER: "1", NO_COLOR: "1" };
    const args = [cli, "run", "packages/nearest/test/webgpu-device.test.ts", "--reporter=verbose"];
    const { code, output } = await new Promise<{ code: number; output: string }>((resolve) =>
      execFile(process.execPath, args, { cwd: root, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
        resolve({ code: error ? 1 : 0, output: `${stdout}\n${stderr}` }),
      ),
    );
    expect(output).toContain("refuses what does not fit, and works inside tidy");
    expect(code, output).toBe(0);
  });
});
