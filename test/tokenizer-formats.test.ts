/** Tokenizers in every format that revq ever wrote open, and give the ids and the pictures that they gave: test/fixtures/tokenizers. */
import "@tensorflow/tfjs-backend-cpu";
import { openSafetensors, type Safetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { Tokenizer, type RgbaImage } from "@revq/tokenizer";
import { tokenizerFolder } from "@revq/tokenizer-tiny";
import { weightsFolder } from "@revq/weights-tiny-sd-vae";
import * as tf from "@tensorflow/tfjs-core";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const fixtures = fileURLToPath(new URL("fixtures/tokenizers", import.meta.url));
const names = readdirSync(fixtures).filter((name) => name.startsWith("format-"));

beforeAll(async () => {
  await tf.setBackend("cpu"); // JavaScript alone: the same numbers on every machine
});

describe("tokenizers of older versions", () => {
  it("are kept in every format, with every quantizer, transform and rectifier", async () => {
    const configs = await Promise.all(names.map(readConfig));
    const unique = (values: readonly unknown[]): unknown[] => [...new Set(values)].sort();
    expect(unique(configs.map(({ formatVersion }) => formatVersion))).toEqual([1, 2, 3, 4, 5, 6]);
    const second = configs.filter(({ formatVersion }) => formatVersion === 2);
    expect(unique(second.map(({ quantizer }) => quantizer.id))).toEqual([
      ...["bsq", "fsq", "lfq", "multigroup", "residual", "tokenbridge", "vq"],
    ]);
    const transforms = second.map(({ quantizer }) => quantizer.options["transform"] ?? "");
    expect(unique(transforms)).toEqual(["", "dct", "dct-klt", "none", "pca"]);
    const fourth = configs.filter(({ formatVersion }) => formatVersion === 4);
    expect(unique(fourth.map(({ metric }) => metric))).toEqual(["centred", "decoder"]);
    const sixth = configs.filter(({ formatVersion }) => formatVersion === 6);
    expect(sixth.some(({ backbone }) => backbone?.decoder)).toBe(true);
    const third = configs.filter(({ formatVersion }) => formatVersion === 3);
    expect(unique(third.map(({ standardize }) => standardize))).toEqual([false, true]);
    expect(unique(second.map(({ rectifier }) => rectifier.id))).toEqual(["cnn", "efficientvit", "identity", "mlp"]);
  });

  it.each(names)("open and give what they gave: %s", async (name) => {
    const { formatVersion, backbone } = await readConfig(name);
    expect(name.startsWith(`format-${formatVersion}-`)).toBe(true);
    // A backbone that is only named there: the command line knows where `embedded:` weights are, the library is told.
    const weights = fileURLToPath(weightsFolder);
    const named =
      backbone && !backbone.embedded ? { weights, ...(backbone.decoder && { decoderWeights: weights }) } : {};
    const tokenizer = await Tokenizer.load(join(fixtures, name), named);
    const expected = await openExpected(name);
    expect(expected.tensors.has("pictures")).toBe(backbone !== null);
    if (backbone !== null) await expectPictures(tokenizer, expected);
    await expectLatents(tokenizer, expected);
    tokenizer.dispose();
  });

  it("take no weights where the backbone was fitted on the images", async () => {
    const weights = fileURLToPath(weightsFolder);
    await expect(Tokenizer.load(join(fixtures, "format-5-vq"), { weights })).rejects.toMatchObject({
      code: "backbone-takes-no-weights",
      fix: "Leave the weights out.",
    });
  });

  const first = pathToFileURL(join(fixtures, "tokenizer-tiny-1/"));
  it.each([
    { what: "the one that comes with revq", folder: tokenizerFolder, expected: "tokenizer-tiny.safetensors" },
    { what: "the one that came with it before", folder: first, expected: "tokenizer-tiny-1/expected.safetensors" },
  ])("so does $what, whose backbone is kept in half precision", async ({ folder, expected }) => {
    const tokenizer = await Tokenizer.load(folder);
    const model = await openSafetensors(await fromFile(fileURLToPath(new URL("model.safetensors", folder))));
    expect([...model.tensors.values()].some(({ dtype }) => dtype === "F16")).toBe(true);
    await expectLatents(tokenizer, await openSafetensors(await fromFile(join(fixtures, expected))));
    tokenizer.dispose();
  });
});

interface Config {
  readonly formatVersion: number;
  readonly standardize?: boolean;
  readonly metric?: string;
  readonly backbone: { readonly embedded: boolean; readonly decoder?: object | null } | null;
  readonly quantizer: { readonly id: string; readonly options: Record<string, unknown> };
  readonly rectifier: { readonly id: string };
}

async function readConfig(name: string): Promise<Config> {
  return JSON.parse(await readFile(join(fixtures, name, "config.json"), "utf8")) as Config;
}

async function openExpected(name: string): Promise<Safetensors> {
  return openSafetensors(await fromFile(join(fixtures, name, "expected.safetensors")));
}

/** latents `[n,h,w,c]` -> `latents.ids` `[n,t]` -> `latents.decoded` `[n,h,w,c]` */
async function expectLatents(tokenizer: Tokenizer, expected: Safetensors): Promise<void> {
  const { shape, data } = await expected.readFloat32("latents");
  const latents = tf.tensor4d(data, shape as [number, number, number, number]);
  const ids = await tokenizer.encodeLatents(latents);
  expect(ids.dataSync()).toEqual((await expected.read("latents.ids")).data);
  const decoded = tokenizer.decodeLatents(ids);
  expect(decoded.dataSync()).toEqual((await expected.read("latents.decoded")).data);
  tf.dispose([latents, ids, decoded]);
}

/** pictures `[n,H,W,3]` bytes -> `pictures.ids` `[n,t]` -> `pictures.decoded` `[n,H,W,4]` bytes */
async function expectPictures(tokenizer: Tokenizer, expected: Safetensors): Promise<void> {
  const { shape, data } = await expected.read("pictures");
  const [n, height, width] = shape as [number, number, number];
  const each = height * width * 3;
  const pictures = Array.from({ length: n }, (_, i): RgbaImage => ({
    width,
    height,
    data: (data as Uint8Array).slice(i * each, (i + 1) * each),
  }));
  const ids = await tokenizer.encode(pictures);
  expect(ids).toEqual((await expected.read("pictures.ids")).data);
  const decoded = (await tokenizer.decode(ids)).map((picture) => Buffer.from(picture.data));
  const bytes = (await expected.read("pictures.decoded")).data;
  expect(Buffer.concat(decoded).equals(bytes as Uint8Array)).toBe(true);
}
