/**
 * The parts of an evaluation: which images are kept, which files are looked for, which rows the
 * table has.
 */
import type { WeightsSource } from "@revq/core";
import { openInception, openLpips, metricNotes, metricRows, type TokenizerMetrics } from "@revq/train";
import { describe, expect, it } from "vitest";
import { groupDetails } from "../src/evaluation/group-details.js";
import { extremeImages, typicalImages, type ImageScores } from "../src/evaluation/shown-images.js";

describe("images that people see", () => {
  const scored = (psnrs: readonly number[], lpips: readonly number[] = []): ImageScores[] =>
    psnrs.map((psnr, row) => ({ name: `${"abc"[row % 3]}-${row}`, row, psnr, lpips: lpips[row] ?? null }));
  const own = (name: string): string => name;
  const rows = (images: readonly ImageScores[]): number[] => images.map(({ row }) => row);

  it("are the lowest and the highest by PSNR, in order", () => {
    const { worst, best } = extremeImages(scored([5, 1, 9, 3, 7, 4]), 2, own);
    expect([rows(worst), rows(best)]).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(extremeImages(scored([1, 2]), 0, own)).toEqual({ worst: [], best: [] });
  });

  it("are not both the worst and the best", () => {
    const { worst, best } = extremeImages(scored([3, 1, 2]), 2, own);
    expect([rows(worst), rows(best)]).toEqual([[1, 2], [0]]);
  });

  it("are next to the median, by LPIPS where it is measured", () => {
    expect(rows(typicalImages(scored([5, 1, 9, 3, 7]), 3, own))).toEqual([0, 4, 3]);
    expect(rows(typicalImages(scored([5, 1, 9, 3, 7], [0.1, 0.2, 0.3, 0.4, 0.5]), 1, own))).toEqual([2]);
    expect(rows(typicalImages(scored([Infinity, Infinity, Infinity]), 1, own))).toEqual([1]);
    expect(typicalImages([], 4, own)).toEqual([]);
  });

  it("are of different photographs, even if there are fewer than wanted", () => {
    const photographOf = (name: string): string => name[0]!; // a, b, c, a, b, c
    const images = scored([5, 1, 9, 3, 7, 4]);
    expect(rows(typicalImages(images, 8, photographOf))).toEqual([0, 5, 4]);
    const { worst, best } = extremeImages(images, 3, photographOf);
    expect([rows(worst), rows(best)]).toEqual([
      [1, 3, 5],
      [2, 4, 0],
    ]);
  });
});

describe("the details of groups", () => {
  it("tell usage and perplexity apart, and pick histograms from the least to the most even", () => {
    const layout = { count: 4, codebookSizes: [4, 2, 4, 4], groupOf: Int32Array.of(0, 1, 2, 3) };
    const counts = Int32Array.of(8, 0, 0, 0, 4, 4, 2, 2, 2, 2, 4, 4, 0, 0);
    const { groups, histograms } = groupDetails(counts, layout);
    expect(groups.map(({ usage }) => usage)).toEqual([0.25, 1, 1, 0.5]);
    [1, 2, 4, 2].forEach((perplexity, group) => expect(groups[group]!.perplexity).toBeCloseTo(perplexity, 12));
    expect(histograms.map(({ group }) => group)).toEqual([0, 1, 2]);
    expect(histograms[2]!.counts).toEqual([2, 2, 2, 2]);
  });
});

describe("the networks' files", () => {
  const folder = (...names: string[]): WeightsSource => ({
    spec: "weights",
    list: async () => names,
    open: async (name) => Promise.reject(new Error(`opens ${name}`)),
  });

  it("are found under torchvision's and the authors' names", async () => {
    for (const [network, backbone, heads] of [
      ["squeeze", "squeezenet1_1.safetensors", "lpips_v0.1_squeeze_lin.safetensors"],
      ["squeeze", "squeezenet1_1-b8a52dc0.pth", "v0.1/squeeze.pth"],
      ["alex", "alexnet-owt-7be5be79.pth", "alex.pth"],
      ["vgg", "models/vgg16-397923af.pth", "lpips_v0.1_vgg_lin.safetensors"],
    ] as const) {
      await expect(openLpips(folder(heads, backbone), network)).rejects.toThrow(`opens ${backbone}`);
    }
    const inception = "pt_inception-2015-12-05-6726825d.pth";
    await expect(openInception(folder("README.md", inception))).rejects.toThrow(`opens ${inception}`);
  });

  it("are asked for by name when they are not there", async () => {
    const heads = "lpips_v0.1_vgg_lin.safetensors";
    await expect(openLpips(folder(heads, "squeezenet1_1.safetensors"), "vgg")).rejects.toMatchObject({
      code: "lpips-weights",
      message: expect.stringMatching(
        /^LPIPS \(vgg\) needs torchvision's vgg16 \(vgg16-\*\.pth or \.safetensors\), which/,
      ) as string,
    });
    await expect(openInception(folder("a.txt", "b.txt"))).rejects.toMatchObject({ code: "inception-weights" });
  });
});

describe("the table's rows", () => {
  const quality = {
    psnr: 25,
    ssim: 0.8,
    msSsim: null,
    lpips: null,
    rfid: null,
    inceptionScore: null,
    squeezenetFrechet: null,
  };
  const metrics: TokenizerMetrics = {
    ...quality,
    images: 10,
    bitsPerImage: 512,
    measuredBitsPerImage: 480.4,
    prior: { bitsPerToken: 6.25, bitsPerImage: 400, fittedOn: "training", fittedImages: 90 },
    latentMse: { quantized: 0.25, rectified: 0.2 },
    explainedVariance: { quantized: 0.75, rectified: 0.8 },
    rateDistortionBound: { latentMse: 0.1, method: "spectrum" },
    channelShares: null,
    vae: { ...quality, psnr: 30 },
    oldDecoder: null,
    usage: 0.99,
    perplexity: 200,
    entropy: 7.5,
    samplesPerCode: 40,
  };
  const row = (scored: TokenizerMetrics, label: string): string[] =>
    metricRows(scored)
      .filter((one) => one.label === label)
      .flatMap(({ value, vae }) => [value, vae]);

  it("say what was not measured for want of a file", () => {
    expect(row(metrics, "PSNR, dB")).toEqual(["25.00", "30.00"]);
    expect(row(metrics, "rFID")).toEqual(["needs FID's Inception weights", "–"]);
    expect(row(metrics, "LPIPS")).toEqual([]);
    const undefinedVariance = { ...metrics, explainedVariance: { quantized: null, rectified: null } };
    expect(row(undefinedVariance, "explained variance, rectified")).toEqual(["–", "100.0 %"]);
    expect(metricNotes(metrics, 10)).toHaveLength(2);
    const measured = {
      ...metrics,
      rfid: 3.456,
      lpips: 0.12345,
      vae: { ...metrics.vae!, rfid: 1, lpips: 0.05 },
    };
    expect(row(measured, "rFID")).toEqual(["3.46", "1.00"]);
    expect(row(measured, "LPIPS")).toEqual(["0.1235", "0.0500"]);
    expect(metricNotes(measured, 10).join()).toContain("An rFID of 10 images is too high");
  });

  it("show the old decoder beside an adapted one, and only then", () => {
    expect(metricRows(metrics).every((one) => one.oldDecoder === undefined)).toBe(true);
    const rows = metricRows({ ...metrics, lpips: 0.1, oldDecoder: { ...quality, psnr: 24.5, lpips: 0.12 } });
    const old = (label: string): unknown => rows.find((one) => one.label === label)?.oldDecoder;
    expect([old("PSNR, dB"), old("LPIPS"), old("bits per image")]).toEqual(["24.50", "0.1200", "–"]);
  });

  it("have the cost to model, and say when no training ids were at hand", () => {
    expect(row(metrics, "bits per token, small prior")).toEqual(["6.25", "–"]);
    expect(row(metrics, "bits per image, small prior")).toEqual(["400", "–"]);
    expect(row({ ...metrics, prior: null }, "bits per token, small prior")).toEqual([]);
    const halves = { ...metrics, prior: { ...metrics.prior!, fittedOn: "halves", fittedImages: 5 } } as const;
    expect(metricNotes(halves, 10).join()).toContain("it knows 5 images");
    expect(metricNotes(metrics, 10).join()).not.toContain("prior");
  });

  it("of latents alone have no rFID", () => {
    expect(row({ ...metrics, psnr: null, ssim: null, vae: null }, "rFID")).toEqual([]);
  });
});
