/** The commands of docs/reproduce-paper.md: its training lines as plans, on a store as large as ImageNet's that holds no numbers. */
import { beginStore, planStore, type ListedImage } from "@revq/data";
import { writeSafetensors } from "@revq/formats";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { revq, revqJson, temporaryFolder } from "./support/revq.js";

const page = await readFile(fileURLToPath(new URL("../docs/reproduce-paper.md", import.meta.url)), "utf8");
const commands = [...page.matchAll(/```sh\n(.*?)```/gs)]
  .flatMap(([, block]) => block!.replaceAll("\\\n", " ").split("\n"))
  .map((line) => line.trim().split(/ +/))
  .filter(([program]) => program === "revq")
  .map(([, ...args]) => args);
const of = (name: string): string[][] => commands.filter(([command]) => command === name);

const folder = await temporaryFolder();
const cwd = folder.path;
const imageNet = 1_281_167;

/** All that a plan looks at: records and headers. The numbers are a hole in the file. */
async function hollowStore(name: string, count: number): Promise<void> {
  const store = join(cwd, name);
  const latentShape = [32, 8, 8] as const;
  const images: ListedImage[] = [{ name: "image", bytes: 0 }];
  const key = { backbone: { id: "dc-ae", options: {}, fingerprint: "0" }, imageSize: 256 };
  const plan = planStore({ key, latentShape: [...latentShape], dtype: "F16", source: "imagenet", images });
  await mkdir(store);
  await beginStore(store, plan, images);
  const header = {
    latents: { dtype: "F16", shape: [count, ...latentShape], data_offsets: [0, count * 2048 * 2] },
  };
  const text = Buffer.from(JSON.stringify(header));
  const start = writeSafetensors([]).subarray(0, 8);
  new DataView(start.buffer, start.byteOffset).setBigUint64(0, BigInt(text.length), true);
  const file = await open(join(store, "latents-00000-of-00001.safetensors"), "w");
  await file.write(Buffer.concat([start, text]));
  const bytes = 8 + text.length + count * 2048 * 2;
  await file.truncate(bytes);
  await file.close();
  const sha256 = "0".repeat(64);
  const files = [{ file: "latents-00000-of-00001.safetensors", latents: count, bytes, sha256 }];
  const manifest = { ...plan, plan: sha256, latents: count, skipped: 0, files };
  await writeFile(join(store, "manifest.json"), JSON.stringify(manifest));
}

beforeAll(async () => {
  await hollowStore("imagenet-latents", imageNet);
  await hollowStore("imagenet-val-latents", 50_000);
});
afterAll(() => folder.remove());

interface Plan {
  readonly tokens: number;
  readonly codes: readonly number[];
  readonly bitsPerImage: number;
  readonly samplesPerCode: number;
  readonly parameters: { readonly codebooks: number; readonly rectifier: number };
  readonly config: { readonly recipe: string; readonly train: { readonly batch: number; readonly epochs: number } };
}

describe("the commands of docs/reproduce-paper.md", () => {
  it("are two extractions, three trainings and an evaluation", () => {
    expect(commands.map(([command]) => command)).toEqual(["extract", "extract", "train", "train", "train", "eval"]);
  });

  it.each(["512T", "256T-B", "256T-L"])(
    "train %s as its row says",
    async (preset) => {
      const [args] = of("train").filter((args) => args.includes(preset)) as [string[]];
      const weights = args.indexOf("--weights"); // they are on the hub, and a plan does not need them
      args.splice(weights, 2);
      const plan = await revqJson<Plan>([...args, "--dry-run"], { cwd });
      const row = page.split("\n").find((line) => line.startsWith(`| \`${preset}\``))!;
      const [, , sizes, bits, codebooks, rectifier, batch, samples] = row.split("|").map((cell) => cell.trim());
      const count = (value: number): string => value.toLocaleString("en-US");
      expect(`${plan.tokens} x ${count(plan.codes[0]!)}`).toBe(sizes);
      expect(String(plan.bitsPerImage)).toBe(bits);
      expect(count(plan.parameters.codebooks)).toBe(codebooks);
      expect(count(plan.parameters.rectifier)).toBe(rectifier);
      expect(String(plan.config.train.batch)).toBe(batch);
      expect(plan.samplesPerCode.toFixed(1)).toBe(samples);
      expect(plan.config).toMatchObject({ recipe: "paper", train: { epochs: 100 } });
    },
    60_000,
  );

  it("extract and score: the rest fails for want of ImageNet alone", async () => {
    for (const args of [...of("extract"), ...of("eval")]) {
      const { code, stderr } = await revq(args, { cwd });
      expect(code).toBe(1);
      expect(stderr).toMatch(/imagenet|512t/);
      expect(stderr).not.toMatch(/Nonexistent flag|Unexpected argument|--help/);
    }
  }, 60_000);
});
