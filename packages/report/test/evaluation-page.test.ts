import { evaluationPage, reportMark, type EvaluationReport, type ReportImage } from "@revq/report";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";

const documentOf = (page: string): Document => (parseHTML(page) as unknown as { document: Document }).document;
const both = <T>(value: T): { quantized: T; rectified: T } => ({ quantized: value, rectified: value });

function picture(name: string): ReportImage {
  const uri = "data:image/webp;base64,AAAA";
  return { name, psnr: 20.5, lpips: null, original: uri, vae: uri, quantized: uri, rectified: uri, error: uri };
}

const report: EvaluationReport = {
  title: "Tokenizer one",
  scores: [
    { label: "PSNR, dB", value: "23.10", vae: "26.14" },
    { label: "rFID", value: "needs a file", vae: "–" },
  ],
  notes: ["Few images."],
  bitsPerImage: 1024,
  latentMse: { quantized: 0.2, rectified: 0.1 },
  latent: {
    shape: { channels: 4, height: 2, width: 3 },
    groups: Array.from({ length: 6 }, (_, i) => ({ codes: 8, usage: 1 - i / 20, perplexity: 7 })),
    histograms: [{ group: 2, counts: [5, 0, 9, 1, 0, 0, 2, 3] }],
    channelShares: [0.1, 0.6, 0.1, 0.2],
    errorPerChannel: both([0.1, 0.2, 0.3, 0.4]),
    errorPerPosition: both([1, 2, 3, 4, 5, 6]),
    bound: [512, 1024, 2048].map((bits) => ({ bits, mse: 64 / bits })),
  },
  loss: {
    passes: [1, 2, 3].map((pass) => ({ pass, mse: 1 / pass, usage: 1 })),
    epochs: [1, 2].map((epoch) => ({
      epoch,
      usage: 1,
      latentMse: { train: both(0.2 / epoch), val: both(0.3 / epoch) },
    })),
  },
  images: {
    typical: [{ ...picture("m.png"), lpips: 0.12345 }],
    worst: [picture("a.png"), picture("b.png")],
    best: [picture("<c>.png")],
  },
  configs: [{ label: "config.json", value: { quantizer: "vq" } }],
};

const headings = (document: Document): string[] =>
  [...document.querySelectorAll("h2")].map((head) => head.textContent!);
const chartNamed = (document: Document, label: string): Element =>
  document.querySelector(`svg.plot[aria-label="${label}"]`)!;

describe("a tokenizer's page", () => {
  it("has every section, cells for groups and positions, bars for codes, five stages per image", () => {
    expect(evaluationPage(report)).toContain(reportMark);
    const document = documentOf(evaluationPage(report));
    expect(headings(document)).toEqual([
      "Images",
      "Scores",
      "Training",
      "Rate and distortion",
      "Codebooks",
      "Where the error is",
      "Configuration",
    ]);
    const cells = (label: string): number =>
      chartNamed(document, label).querySelectorAll("[aria-label=cell] rect").length;
    expect(cells("Fraction of each group's codes in use")).toBe(6);
    expect(cells("Mean squared error by position, rectified")).toBe(6);
    const bars = chartNamed(document, "Code histogram of group 2").querySelectorAll("[aria-label=rect] rect");
    expect(bars.length).toBe(8);
    expect(document.querySelectorAll(".images img").length).toBe(20);
    expect(document.querySelector("figcaption")!.textContent).toBe("Typical: next to the median by LPIPS");
    expect(document.querySelectorAll(".images")[0]!.textContent).toContain("m.png, 20.50 dB, LPIPS 0.123");
    expect(document.querySelectorAll(".images")[2]!.textContent).toContain("<c>.png, 20.50 dB");
    expect(document.querySelector("tbody")!.textContent!.replace(/\s+/g, " ")).toMatch(/PSNR, dB ?23.10 ?26.14/);
    expect(document.querySelectorAll("p.note").length).toBe(1);
  });

  it("draws how much each channel matters, where that was measured", () => {
    const description = "Share of every latent channel in the picture's error";
    const shares = chartNamed(documentOf(evaluationPage(report)), description);
    expect(shares.querySelectorAll("[aria-label=line] path").length).toBe(1);
    const without = documentOf(evaluationPage({ ...report, latent: { ...report.latent, channelShares: null } }));
    expect(chartNamed(without, description)).toBeNull();
  });

  it("draws the tokenizer beside the bound, and every loss curve", () => {
    const document = documentOf(evaluationPage(report));
    const plane = chartNamed(document, "This tokenizer's latent mse beside the rate-distortion bound");
    expect(plane.querySelectorAll("circle").length).toBe(2);
    const curve = plane.querySelector("[aria-label=line] path")!.getAttribute("d")!;
    expect(curve.match(/[ML]/g)!.length).toBe(3);
    const losses = chartNamed(document, "Mean squared error of training and held-out latents by epoch");
    expect(losses.querySelectorAll("[aria-label=line] path").length).toBe(4);
  });

  it("leaves out what there is not", () => {
    const { loss: _loss, images: _images, ...plain } = report;
    const document = documentOf(evaluationPage({ ...plain, latent: { ...plain.latent, bound: [] } }));
    expect(headings(document)).not.toContain("Training");
    expect(headings(document)).not.toContain("Images");
    expect(document.querySelectorAll("img").length).toBe(0);
  });

  it("names nothing outside the file", () => {
    const document = documentOf(evaluationPage(report));
    const urls = [...document.querySelectorAll("[src], [href]")].map(
      (element) => element.getAttribute("src") ?? element.getAttribute("href")!,
    );
    expect(urls.filter((url) => !url.startsWith("data:"))).toEqual([]);
  });
});
