/**
 * LPIPS against the authors' package (tools/golden/lpips-distances.py): distances, gradients, the
 * published weights.
 */
import type { NamedTensors } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { fromBuffer, openSafetensors } from "@revq/formats";
import { createLpips, lpipsNetworks, lpipsTensors, type Lpips } from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededImage, seededWeights } from "./seeded.js";

const golden = JSON.parse(readFileSync(new URL("fixtures/lpips.json", import.meta.url), "utf8")) as {
  networks: Record<string, { distance: number; gradientNorm: number; gradient: number[] }>;
  published: Record<string, number>;
};
const shared = process.env["REVQ_SHARED"] ?? resolve("../shared");

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ engine: "onnx" });
});
afterAll(() => engine.dispose());

const image = (seed: number): Tensor4D => tf.tensor4d(seededImage(50, 67, seed), [1, 50, 67, 3]);

function tensors(shapes: ReadonlyMap<string, readonly number[]>, values: (name: string) => Float32Array): NamedTensors {
  return Object.fromEntries([...shapes].map(([name, shape]) => [name, tf.tensor(values(name), [...shape])]));
}

function withSeededWeights(network: (typeof lpipsNetworks)[number]): Lpips {
  const needed = lpipsTensors(network);
  const sorted = [...needed.backbone.keys()].sort();
  const backbone = tensors(needed.backbone, (name) => seededWeights(needed.backbone.get(name)!, sorted.indexOf(name)));
  const heads = tensors(needed.heads, (name) =>
    seededWeights(needed.heads.get(name)!, 1000 + Number(name[3])).map(Math.abs),
  );
  const lpips = createLpips(network, { backbone, heads });
  tf.dispose([backbone, heads]);
  return lpips;
}

describe.each(lpipsNetworks)("LPIPS with %s", (network) => {
  const expected = golden.networks[network]!;

  it("is the authors' distance and gradient, and leaks nothing", async () => {
    const before = tf.memory().numTensors;
    const lpips = withSeededWeights(network);
    const [a, b] = [image(1), image(2)];
    const { value, grad } = tf.valueAndGrad((x: Tensor4D) => tf.sum(lpips.distance(a, x)))(b);
    expect((await value.data())[0]! / expected.distance).toBeCloseTo(1, 4);
    const gradient = (await grad.data()) as Float32Array;
    expect(Math.hypot(...gradient) / expected.gradientNorm).toBeCloseTo(1, 3);
    const largest = Math.max(...expected.gradient.map(Math.abs));
    expected.gradient.forEach((want, i) => {
      expect(Math.abs(gradient[97 * i]! - want) / largest).toBeLessThan(2e-3);
    });
    tf.dispose([a, b, value, grad]);
    lpips.dispose();
    lpips.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("LPIPS", () => {
  it("is 0 for equal images, with a gradient that is finite even where activations vanish", async () => {
    const lpips = withSeededWeights("squeeze");
    const flat = tf.fill([2, 40, 40, 3], 0) as Tensor4D;
    const { value, grad } = tf.valueAndGrad((x: Tensor4D) => tf.sum(lpips.distance(flat, x)))(flat);
    expect((await value.data())[0]).toBe(0);
    expect([...(await grad.data())].every(Number.isFinite)).toBe(true);
    expect(lpips.distance(flat, flat).shape).toEqual([2]);
    lpips.dispose();
  });

  it("refuses images that leave nothing at the last layer, and weights of another network", () => {
    const lpips = withSeededWeights("squeeze");
    const tiny = tf.zeros([1, 16, 40, 3]) as Tensor4D;
    expect(() => lpips.distance(tiny, tiny)).toThrowError(/at least 17 pixels a side; got 16 x 40/);
    lpips.dispose();
    expect(() => createLpips("vgg", { backbone: {}, heads: {} })).toThrowError(/no tensor "features.0.weight"/);
  });
});

describe.skipIf(!existsSync(join(shared, "weights")))(
  "LPIPS-squeeze with the published weights (../shared/weights)",
  () => {
    const read = async (file: string, names: Iterable<string>): Promise<NamedTensors> => {
      const opened = await openSafetensors(fromBuffer(file, readFileSync(join(shared, "weights", file))));
      const entries: [string, tf.Tensor][] = [];
      for (const name of names) {
        const { shape, data } = await opened.readFloat32(name);
        entries.push([name, tf.tensor(data, [...shape])]);
      }
      return Object.fromEntries(entries);
    };
    const photograph = async (name: string): Promise<Tensor4D> => {
      const pixels = await sharp(join(shared, "data/imagenet256/val", name))
        .removeAlpha()
        .raw()
        .toBuffer();
      return tf.tensor4d(
        Float32Array.from(pixels, (value) => value / 127.5 - 1),
        [1, 256, 256, 3],
      );
    };

    it("gives the authors' distances of photographs", async () => {
      const needed = lpipsTensors("squeeze");
      const backbone = await read("squeezenet1_1.safetensors", needed.backbone.keys());
      const heads = await read("lpips_v0.1_squeeze_lin.safetensors", needed.heads.keys());
      const lpips = createLpips("squeeze", { backbone, heads });
      for (const [names, distance] of Object.entries(golden.published)) {
        const [a, b] = names.split("|");
        const result = lpips.distance(await photograph(a!), await photograph(b!));
        expect((await result.data())[0]).toBeCloseTo(distance, 4);
      }
      lpips.dispose();
    });
  },
);
