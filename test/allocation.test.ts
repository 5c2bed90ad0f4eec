/** Codebooks of unequal sizes from training to ids and back: `--set quantizer.allocation=greedy`. */
import { openSafetensors, readNpy } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revqJson, sampleImages, temporaryFolder } from "./support/revq.js";

interface Trained {
  readonly codes: readonly number[];
  readonly bitsPerImage: number;
  readonly latentMse: { readonly quantized: number };
}

const folder = await temporaryFolder();
const inFolder = { cwd: folder.path };
const common = ["--data", sampleImages, "--image-size", "64", "--set", "data.limit=60", "--rectifier", "identity"];
const layout = ["--tokens", "64", "--codes", "16", "--transform", "none"];
const split = ["--set", "quantizer.split=block", "--set", "quantizer.groups=channel"];
const idsOf = async (file: string): Promise<Int32Array> =>
  Int32Array.from((await readNpy(await fromFile(join(folder.path, file)))).data as Int32Array);

describe("codebooks of unequal sizes", () => {
  let trained: Trained;
  let sizes: readonly number[];
  beforeAll(async () => {
    const greedy = ["--set", "quantizer.allocation=greedy", "-o", "greedy"];
    trained = await revqJson<Trained>(["train", ...common, ...layout, ...split, ...greedy], inFolder);
    const config = JSON.parse(await readFile(join(folder.path, "greedy", "config.json"), "utf8")) as {
      quantizer: { options: { sizes: readonly number[] } };
    };
    sizes = config.quantizer.options.sizes;
  }, 240_000);
  afterAll(() => folder.remove());

  it("are chosen from the latents and written down, at no more bits than equal ones have", () => {
    expect(new Set(sizes).size).toBeGreaterThan(1);
    expect(trained.codes).toEqual(sizes);
    expect(trained.bitsPerImage).toBeLessThanOrEqual(64 * 4);
    expect(trained.bitsPerImage).toBeGreaterThan(64 * 4 - 2);
  });

  it("give ids within each group, and flat ids by group and by position", async () => {
    const image = join(sampleImages, "acanthus-mollis-01.jpg");
    await revqJson(["encode", "greedy", image, "-o", "ids.npy"], inFolder);
    await revqJson(["encode", "greedy", image, "--offset-groups", "-o", "groups.npy"], inFolder);
    await revqJson(["encode", "greedy", image, "--offset-positions", "-o", "flat.npy"], inFolder);
    const [ids, groups, flat] = [await idsOf("ids.npy"), await idsOf("groups.npy"), await idsOf("flat.npy")];
    const tokensOfGroup = 64 / sizes.length;
    let start = 0;
    ids.forEach((id, token) => {
      const group = Math.floor(token / tokensOfGroup);
      const codes = sizes[group]!;
      expect(groups[token]).toBe(sizes.slice(0, group).reduce((sum, size) => sum + size, 0) + id);
      expect(id).toBeLessThan(codes);
      expect(flat[token]).toBe(start + id);
      start += codes;
    });
    await revqJson(["decode", "greedy", "ids.npy", "-o", "plain"], inFolder);
    await revqJson(["decode", "greedy", "groups.npy", "-o", "by-group"], inFolder);
    await revqJson(["decode", "greedy", "flat.npy", "--offset-positions", "-o", "offset"], inFolder);
    const [plain, ...others] = await Promise.all(
      ["plain", "offset", "by-group"].map((name) => readFile(join(folder.path, name, "acanthus-mollis-01.png"))),
    );
    for (const other of others) expect(other.equals(plain!)).toBe(true);
  }, 120_000);

  it("are exported to PyTorch, one codebook after the other", async () => {
    await revqJson(["export", "greedy", "--to", "pytorch", "-o", "pt"], inFolder);
    const { modules } = JSON.parse(await readFile(join(folder.path, "pt", "config.json"), "utf8")) as {
      modules: { quantizer: { sizes: number[]; dim: number } };
    };
    const { sizes, dim } = modules.quantizer;
    expect(new Set(sizes).size).toBeGreaterThan(1);
    const file = await openSafetensors(await fromFile(join(folder.path, "pt", "model.safetensors")));
    const codes = await file.read("quantizer.codes");
    expect(codes.shape).toEqual([sizes.reduce((sum, size) => sum + size, 0), dim]);
    const own = await openSafetensors(await fromFile(join(folder.path, "greedy", "model.safetensors")));
    expect(codes.data).toEqual((await own.read("quantizer.codebooks")).data);
  }, 60_000);
});
