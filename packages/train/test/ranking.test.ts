/** The best trial and the Pareto front. */
import { describe, expect, it } from "vitest";
import { rankTrials, unequalBits, type TrialRow } from "../src/index.js";

const row = (name: string, values: Partial<TrialRow>): TrialRow => ({
  name,
  backbone: "linear",
  transform: "none",
  quantizer: "vq",
  rectifier: "identity",
  recipe: "kmeans",
  tokens: 64,
  bitsPerImage: 640,
  priorBitsPerImage: null,
  priorBitsPerToken: null,
  samplesPerCode: 0,
  quantizedMseTrain: 0,
  quantizedMse: 0.2,
  rectifiedMse: 0.2,
  psnr: null,
  psnrVae: null,
  ssim: null,
  ssimVae: null,
  lpips: null,
  lpipsVae: null,
  rfid: null,
  boundMse: null,
  usage: 1,
  perplexity: 900,
  seconds: 10,
  ...values,
});

describe("the ranking", () => {
  it("is of quality against bits where bits differ, and says so", () => {
    const ranking = rankTrials([
      row("large", { bitsPerImage: 2000, psnr: 25 }),
      row("wasteful", { bitsPerImage: 1500, psnr: 21 }),
      row("small", { bitsPerImage: 1000, psnr: 22 }),
      row("worse", { bitsPerImage: 1000, psnr: 20 }),
    ])!;
    expect(ranking).toEqual({
      quality: "psnr",
      cost: "bitsPerImage",
      best: "large",
      front: ["small", "large"],
      bits: [1000, 2000],
    });
    expect(unequalBits(ranking)).toMatch(/^The trials spend 1000 to 2000 bits an image\./);
  });

  it("is of quality against time at equal bits, by LPIPS where all have it", () => {
    const ranking = rankTrials([
      row("slow", { lpips: 0.1, psnr: 20, seconds: 50 }),
      row("quick", { lpips: 0.2, psnr: 25, seconds: 5, bitsPerImage: 638 }),
      row("beaten", { lpips: 0.2, psnr: 24, seconds: 6 }),
    ])!;
    expect(ranking).toMatchObject({ quality: "lpips", cost: "seconds", best: "slow", front: ["quick", "slow"] });
    expect(unequalBits(ranking)).toBeNull();
  });

  it("falls back to the latent mse, and is null without trials", () => {
    const rows = [row("a", { lpips: 0.1, rectifiedMse: 0.3 }), row("b", { rectifiedMse: 0.1 })];
    expect(rankTrials(rows)).toMatchObject({ quality: "rectifiedMse", best: "b" });
    expect(rankTrials([])).toBeNull();
  });
});
