/** `revq ablate` as a user runs it: a grid with a trial that cannot be, once, again, and with more to try. */
import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revq, revqJson, sampleImages, temporaryFolder } from "./support/revq.js";

interface Answer {
  readonly trials: readonly Record<string, number | string | null>[];
  readonly failed: readonly { readonly name: string; readonly error: string }[];
  readonly report: string;
  readonly csv: string;
  readonly ranking: { readonly cost: string; readonly best: string; readonly front: readonly string[] };
}

const folder = await temporaryFolder();
const cwd = folder.path;
const brief = [
  ...["--set", "backbone.id=linear", "--set", "data.limit=12"],
  ...["--picture-steps", "0", "--adapt-decoder", "none"],
];
const common = ["--data", sampleImages, "--image-size", "32", ...brief, "--out", "compared"];
const grid = `
base: {rectifier: {id: identity}}
axes: {quantizer.id: [vq, fsq]}
trials:
  - {name: impossible, quantizer: {id: lfq, codes: 7}}
  - {name: unknown, quantizer: {id: nothing}}
`;

async function ablate(...more: string[]): Promise<Answer> {
  return (await revqJson(["ablate", ...common, "--grid", "grid.yaml", ...more], { cwd })) as unknown as Answer;
}

describe("revq ablate", () => {
  let first: Answer;
  beforeAll(async () => {
    await writeFile(join(cwd, "grid.yaml"), grid);
    first = await ablate("--jobs", "2");
  }, 300_000);
  afterAll(() => folder.remove());

  it("finishes what can be and says why the rest cannot", () => {
    expect(first.trials.map(({ name }) => name)).toEqual(["vq", "fsq"]);
    for (const trial of first.trials) {
      expect(trial["rectifiedMse"]).toBeGreaterThan(0);
      expect(trial["bitsPerImage"]).toBeGreaterThan(0);
      expect(trial["psnr"]).toBeLessThan(trial["psnrVae"] as number);
    }
    expect(first.failed.map(({ name }) => name).sort()).toEqual(["impossible", "unknown"]);
    expect(first.failed.find(({ name }) => name === "impossible")!.error).toMatch(/lfq/);
  });

  it("encodes the images once, and writes a table and a page that needs no network", async () => {
    expect(await readdir(join(cwd, "compared", "latents"))).toHaveLength(1);
    const csv = await readFile(first.csv, "utf8");
    expect(csv.split("\r\n")).toHaveLength(1 + 2 + 1);
    const page = await readFile(first.report, "utf8");
    expect(page).toContain("fsq");
    expect(page).toContain("impossible");
    expect(page).not.toMatch(/(src|href)="https?:/);
  });

  it("never runs a finished trial again, and goes on with what was added", async () => {
    const made = async (): Promise<number> => (await stat(join(cwd, "compared", "results", "vq.json"))).mtimeMs;
    const before = await made();
    await writeFile(join(cwd, "grid.yaml"), grid.replace("[vq, fsq]", "[vq, fsq, tokenbridge]"));
    const second = await ablate();
    expect(second.trials.map(({ name }) => name)).toEqual(["vq", "fsq", "tokenbridge"]);
    expect(await made()).toBe(before);
    expect(second.trials[0]).toEqual(first.trials[0]);
  }, 300_000);

  it("adds LPIPS to finished trials without training them again", async () => {
    const held = ["--data", sampleImages, "--val", sampleImages, "--image-size", "64", ...brief];
    const small = ["--rectifier", "identity", "--out", "scored", ...held];
    const run = async (...more: string[]): Promise<Answer> =>
      (await revqJson(["ablate", ...small, ...more], { cwd })) as unknown as Answer;
    const before = await run("--quantizer", "vq", "--lpips", "none");
    expect(before.trials[0]).toMatchObject({ lpips: null, lpipsVae: null, rfid: null });
    const asked = ["--quantizer", "vq,fsq"];
    const after = await run(...asked, "--report-images", "none");
    const [trial, fresh] = after.trials as [Record<string, number>, Record<string, number>];
    expect(fresh["lpips"], "a trial that was trained with LPIPS").toBeGreaterThan(fresh["lpipsVae"]!);
    expect(trial["lpips"]).toBeGreaterThan(trial["lpipsVae"]!);
    expect(trial["boundMse"]).toBeLessThan(trial["quantizedMse"]!);
    const { lpips: _, lpipsVae: _vae, ...rest } = trial;
    const { lpips: _before, lpipsVae: _vaeBefore, ...restBefore } = before.trials[0]!;
    expect(rest).toEqual(restBefore);
    expect(await run(...asked)).toEqual(after);
    const trials = join(cwd, "scored", "trials");
    const names = (await readdir(trials)).filter((name) => !name.includes("."));
    for (const [quantizer, pictures] of [["vq", true] as const, ["fsq", false] as const]) {
      const own = names.find((name) => name.startsWith(quantizer))!;
      const text = await readFile(join(trials, own, "run", "report", "index.html"), "utf8");
      expect(text.includes("data:image/webp"), `pictures of ${quantizer}`).toBe(pictures);
    }
    const page = await readFile(after.report, "utf8");
    expect(page).toContain("bound, linear");
    expect(page).toContain("LPIPS (lower is better)");
  }, 300_000);

  it("compares at equal bits, with the same crops of every trial and the data in words", async () => {
    const asked = ["--quantizer", "fsq,lfq", "--bits", "128"];
    const held = ["--data", sampleImages, "--image-size", "32", "--rectifier", "identity", ...brief, "--out", "equal"];
    const answer = (await revqJson(["ablate", ...held, ...asked], { cwd })) as unknown as Answer;
    expect(answer.trials.map((trial) => trial["bitsPerImage"])).toEqual([128, 128]);
    for (const trial of answer.trials) expect(trial["priorBitsPerImage"]).toBeLessThan(130);
    expect(answer.ranking.cost).toBe("seconds");
    expect(answer.ranking.front).toContain(answer.ranking.best);
    const page = await readFile(answer.report, "utf8");
    expect(page.match(/data:image\/webp/g)).toHaveLength(2 + 2); // original, VAE, two trials
    expect(page).toMatch(/Trained on \d+ images of/);
    expect(page).not.toContain("The trials spend");
  }, 300_000);

  it("without anything to try says how to name it", async () => {
    const { code, stderr } = await revq(["ablate", "--out", "nothing"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/nothing to try.*--grid/s);
  });
});
