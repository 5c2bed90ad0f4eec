/** LPIPS without being asked, and without it; which images a run shows. */
import { sampleImages } from "@revq/sample-images";
import { lpipsFolder } from "@revq/weights-lpips";
import type { TokenizerMetrics, TrainResult } from "@revq/train";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { revq, revqJson, sampleImages as imageFolder, temporaryFolder } from "./support/revq.js";

const folder = await temporaryFolder();
const cwd = folder.path;
afterAll(() => folder.remove());

/** A run of seconds on the bundled photographs. */
const brief = [
  ...["--backbone", "linear", "--transform", "none", "--tokens", "4", "--codes", "8"],
  ...[
    "--rectifier",
    "identity",
    "--picture-steps",
    "0",
    "--set",
    "data.limit=140",
    "--set",
    "data.validationFraction=0.4",
  ],
];
const photographs = new Map(sampleImages.map(({ name, photograph }) => [name, photograph]));

describe("revq config", () => {
  const lpipsOf = async (...args: string[]): Promise<string> => {
    const { stdout } = await revq(["config", ...args], { cwd });
    return stdout.split("\n").find((line) => /^ {2}(# )?lpips:/.test(line))!;
  };

  it("shows the bundled weights, what replaces them and what switches them off", async () => {
    expect(await lpipsOf()).toMatch(/^ {2}# lpips: "embedded:lpips" .*\(bundled\)$/);
    expect(await lpipsOf("--lpips", "none")).toMatch(/^ {2}lpips: null .*\(flags\)$/);
    expect(await lpipsOf("--lpips", "weights", "--lpips-net", "vgg")).toMatch(/^ {2}lpips: "weights" .*\(flags\)$/);
    expect(await lpipsOf("--latents", "latents.npy")).toMatch(/^ {2}# lpips: null /);
  }, 60_000);

  it("says that the bundled weights are for squeeze only", async () => {
    const { code, stderr } = await revq(["config", "--lpips-net", "alex"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/for squeeze only, not for alex.*--lpips <dir>/s);
  }, 30_000);
});

describe("revq train with the bundled photographs", () => {
  it("leaves SSIM out where images are too small for it", async () => {
    const { code, stdout, stderr } = await revq(
      ["train", ...brief, "--set", "backbone.patch=4", "--image-size", "8", "-o", "smallest", "--json"],
      { cwd },
    );
    expect(stderr).toContain("SSIM is left out: it needs images of at least 11 pixels a side, and these have 8.");
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ssim: null, msSsim: null, lpips: null, vae: { ssim: null } });
    expect(await readFile(join(cwd, "smallest", "README.md"), "utf8")).not.toContain("SSIM");
  }, 120_000);

  it("leaves LPIPS out where images are too small for it, and shows different photographs", async () => {
    const args = ["train", ...brief, "--image-size", "16", "-o", "small"];
    const { code, stdout, stderr } = await revq([...args, "--json"], { cwd });
    expect(stderr).toContain("LPIPS is left out: it needs images of at least 17 pixels a side, and these have 16.");
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as TrainResult;
    expect(result).toMatchObject({ lpips: null, vae: { lpips: null } });
    expect(result.psnr).toBeGreaterThan(5);

    const page = await readFile(join(cwd, "small", "run", "report", "index.html"), "utf8");
    const lists = page.split("<figcaption>").flatMap((figure) => {
      const names = [...figure.matchAll(/<span>([^,<]+\.jpg), [\d.]+ dB/g)].map((match) => photographs.get(match[1]!)!);
      return names.length > 0 ? [{ title: figure.split("<")[0], names }] : [];
    });
    expect(lists.map(({ title }) => title)).toEqual([
      "Typical: next to the median by PSNR",
      "Worst by PSNR",
      "Best by PSNR",
    ]);
    for (const { names } of lists) expect(new Set(names).size).toBe(names.length);
    const [typical] = lists;
    expect(typical!.names.length, "several photographs are held out").toBeGreaterThan(1);
    const { height } = await sharp(join(cwd, "small", "run", "samples.png")).metadata();
    expect(Math.floor(height! / 16)).toBeGreaterThanOrEqual(typical!.names.length);

    const scored = await revqJson<TokenizerMetrics>(["eval", "small", "--data", imageFolder, "--limit", "4"], { cwd });
    expect(scored).toMatchObject({ lpips: null, vae: { lpips: null } });
  }, 120_000);

  it("trains on their latents without a word about LPIPS, unless it is named", async () => {
    const latents = "small/run/latents/train";
    const args = ["train", "--latents", latents, "--tokens", "4", "--codes", "8", "--rectifier", "identity"];
    const silent = await revq([...args, "-o", "of-latents"], { cwd });
    expect(silent.code).toBe(0);
    expect(silent.stderr).not.toMatch(/LPIPS/);
    const named = await revq([...args, "-o", "named", "--lpips", fileURLToPath(lpipsFolder)], { cwd });
    expect(named.stderr).toContain("LPIPS, rFID and the Inception Score are not measured: they need held-out images.");
    const missing = await revq([...args, "-o", "missing", "--lpips", "nothing"], { cwd });
    expect(missing.stderr).toMatch(/"nothing" do not exist.*--lpips <dir/s);
    const evaluated = await revq(["eval", "of-latents", "--latents", latents, "--lpips", "weights"], { cwd });
    expect(evaluated.code).toBe(2);
    expect(evaluated.stderr).toContain("LPIPS compares images");
  }, 120_000);
});
