import { comparisonPage, type ComparedTrial } from "@revq/report";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";

const trial = (series: string, bits: number, more: Partial<ComparedTrial> = {}): ComparedTrial => ({
  name: `${series} ${bits}`,
  series,
  bits,
  latentMse: { quantized: 1000 / bits, rectified: 900 / bits },
  ...more,
});

const trials = [trial("vq", 512), trial("vq", 1024), trial("fsq", 1024, { config: { quantizer: { id: "fsq" } } })];
const documentOf = (page: string): Document => (parseHTML(page) as unknown as { document: Document }).document;

describe("the comparison page", () => {
  it("has a row and a dot for every trial, a line for every series, and only columns with values", () => {
    const document = documentOf(comparisonPage({ title: "Which?", trials }));
    expect(document.title).toBe("Which?");
    expect(document.querySelectorAll("tbody tr").length).toBe(3);
    expect([...document.querySelectorAll("th")].map((head) => head.textContent?.trim())).toEqual([
      "trial",
      "bits",
      "mse quantized",
      "mse rectified",
    ]);
    const charts = [...document.querySelectorAll("svg.plot")];
    expect(charts.length).toBe(2);
    for (const svg of charts) {
      expect(svg.querySelectorAll("[aria-label=dot] circle").length).toBe(3);
      expect(svg.querySelectorAll("[aria-label=line] path").length).toBe(2);
    }
    expect(charts[0]!.querySelector("circle title")!.textContent).toContain("vq 512\n512 bits, 1.76");
  });

  it("adds a chart and columns for each image metric, with the VAE alone, and the bound to the latent ones", () => {
    const scored = trials.map((one) => ({ ...one, psnr: 20, lpips: null, vae: { psnr: 25 } }));
    const bounds = [{ label: "bound", points: [512, 1024].map((bits) => ({ bits, mse: 300 / bits })) }];
    const document = documentOf(comparisonPage({ title: "Which?", trials: scored, bounds }));
    const charts = [...document.querySelectorAll("svg.plot")];
    expect(charts.length).toBe(3);
    expect(charts[0]!.querySelectorAll("[aria-label=line] path").length).toBe(3);
    expect(charts[0]!.querySelectorAll("[aria-label=dot] path").length, "each known point of the bound is marked").toBe(
      2,
    );
    expect(charts[2]!.querySelectorAll("[aria-label=rule] line").length).toBe(1);
    const rows = [...document.querySelectorAll("tbody tr")].map((row) => row.textContent!.replace(/\s+/g, " ").trim());
    expect(rows[0], "one VAE for all is a row").toMatch(/^VAE alone ?– ?– ?– ?25\.00$/);
    expect(rows).toHaveLength(4);
    const other = { ...scored[0]!, vae: { psnr: 26 } };
    const heads = documentOf(comparisonPage({ title: "Which?", trials: [...scored, other] })).querySelectorAll("th");
    expect(
      [...heads].map((head) => head.textContent!.trim()),
      "several are a column",
    ).toContain("VAE");
  });

  it("marks the best trial and the front, warns, and shows the same crops of every trial", () => {
    const crops = (name: string) => ({ original: "data:o", vae: "data:v", rectified: `data:${name}` });
    const shown = trials.map((one, i) => ({ ...one, lpips: 0.1 * i, seconds: 10 * i, crops: crops(one.name) }));
    const ranking = { quality: "lpips", cost: "bitsPerImage", best: "vq 512", front: ["fsq 1024"] } as const;
    const document = documentOf(comparisonPage({ title: "Which?", trials: shown, ranking, warning: "Unequal." }));
    expect([...document.querySelectorAll("td .mark")].map((mark) => mark.textContent)).toEqual(["best", "front"]);
    expect(document.querySelector(".warning")!.textContent).toBe("Unequal.");
    const images = [...document.querySelectorAll(".crops img")].map((image) => image.getAttribute("src"));
    expect(images).toEqual(["data:o", "data:v", "data:vq 512", "data:vq 1024", "data:fsq 1024"]);
    expect(document.querySelectorAll(".crops .mark")).toHaveLength(2);
  });

  it("draws quality against time where bits are equal, with the front as a line", () => {
    const timed = trials.map((one, i) => ({ ...one, bits: 512, psnr: 20 + i, seconds: 10 + i }));
    const front = timed.map(({ name }) => name);
    const ranking = { quality: "psnr", cost: "seconds", best: front[2]!, front } as const;
    const document = documentOf(comparisonPage({ title: "Which?", trials: timed, ranking }));
    expect([...document.querySelectorAll("h2")].map((head) => head.textContent)).toContain("Quality and time");
    const charts = [...document.querySelectorAll("svg.plot")];
    const lines = charts.map((svg) => svg.querySelectorAll("[aria-label=line] path").length);
    expect([charts.length, lines]).toEqual([3, [0, 0, 1]]);
  });

  it("escapes every text, shows failures and configurations, and names nothing outside the file", () => {
    const text = '<img src="x" onerror="alert(1)">';
    const page = comparisonPage({
      title: text,
      trials: [trial(text, 512, { config: { path: text } })],
      failed: [{ name: text, error: text }],
    });
    const document = documentOf(page);
    expect(document.querySelectorAll("img").length).toBe(0);
    expect(document.querySelector("h1")!.textContent).toBe(text);
    expect(JSON.parse(document.querySelector("details pre")!.textContent!)).toEqual({ path: text });
    expect(page).not.toMatch(/(?:src|href|url\()\s*=?\s*["'(]?https?:/);
    expect(document.querySelectorAll("link, script[src]").length).toBe(0);
  });
});
