/**
 * Recipe `paper` on real latents gives the validation curve of the authors' implementation (PyTorch), whose figures are in
 * ../shared/fixtures/baseline.md. Codebooks do not depend on the rectifier, and the first epoch not on the number of epochs.
 */
import type { TrainResult } from "@revq/train";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hasShared, revqJson, shared, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
afterAll(() => folder.remove());

async function validationCurve(tokens: number, codes: number, epochs: number): Promise<Map<number, number>> {
  const latents = join(shared, "data", "latents");
  const result = await revqJson<TrainResult>(
    [
      ...["train", "--recipe", "paper", "--rectifier", "identity", "-o", `T${tokens}-${epochs}`],
      ...["--latents", join(latents, "train.f16.npy"), "--val-latents", join(latents, "val.npy")],
      ...["--tokens", `${tokens}`, "--codes", `${codes}`, "--epochs", `${epochs}`],
    ],
    { cwd: folder.path },
  );
  return new Map(result.epochs.map(({ epoch, latentMse }) => [epoch, latentMse.val.quantized]));
}

const within2Percent = (value: number | undefined, authors: number): void =>
  expect(Math.abs(value! / authors - 1)).toBeLessThan(0.02);

describe.skipIf(!hasShared)("recipe paper beside the authors' implementation (needs ../shared/data)", () => {
  it("has their first epoch at T=256 K=512", async () => {
    within2Percent((await validationCurve(256, 512, 1)).get(1), 0.2954);
  }, 240_000);

  it.skipIf(!process.env["REVQ_TEST_FULL"])(
    "has their curve over 20 epochs at T=256 K=512 and T=512 K=1024 (minutes; REVQ_TEST_FULL=1)",
    async () => {
      const coarse = await validationCurve(256, 512, 20);
      for (const [epoch, authors] of [
        [1, 0.2954],
        [2, 0.2912],
        [3, 0.2887],
        [5, 0.2861],
        [10, 0.284],
        [15, 0.2833],
        [20, 0.2831],
      ] as const) {
        within2Percent(coarse.get(epoch), authors);
      }
      const fine = await validationCurve(512, 1024, 20);
      for (const [epoch, authors] of [
        [1, 0.0719],
        [2, 0.0692],
        [3, 0.0677],
        [5, 0.0661],
        [10, 0.0648],
        [15, 0.0644],
        [20, 0.0642],
      ] as const) {
        within2Percent(fine.get(epoch), authors);
      }
    },
    1_800_000,
  );
});
