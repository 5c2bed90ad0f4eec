import "@tensorflow/tfjs-backend-cpu";
import { createRandom, quietContext, type Backbone, type MetricId } from "@revq/core";
import { inMemoryLatents } from "@revq/data";
import { measureLatents } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunConfig } from "../src/config/schema.js";
import { chooseMetric, fitMetric, type MetricInput } from "../src/inputs/latent-metric.js";
import { RunFolder } from "../src/run/run-folder.js";

let folder: RunFolder;
beforeAll(async () => {
  await tf.setBackend("cpu");
  folder = await RunFolder.open(await mkdtemp(join(tmpdir(), "revq-metric-")), { resume: false, note: () => {} });
});
afterAll(async () => {
  await folder.close();
  await rm(folder.root, { recursive: true });
});

const setting = (metric: string): RunConfig => ({ transform: { id: "none", metric } }) as RunConfig;
const backboneThat = (decodes: boolean): Backbone => ({ spec: { name: "toy", decodes } }) as Backbone;

describe("the metric that the settings mean", () => {
  it("is the decoder's where there is one, else that of standardized latents", () => {
    const everywhere = (metric: MetricId) => ({ decorrelated: metric, other: metric });
    // Where tokens are made by position, no metric moves bits.
    const auto = { decorrelated: "decoder", other: "standardized" };
    expect(chooseMetric(setting("auto"), backboneThat(true))).toEqual(auto);
    expect(chooseMetric(setting("auto"), backboneThat(false))).toEqual(everywhere("standardized"));
    expect(chooseMetric(setting("auto"), null)).toEqual(everywhere("standardized"));
    expect(chooseMetric(setting("centred"), backboneThat(true))).toEqual(everywhere("centred"));
    expect(chooseMetric(setting("decoder"), backboneThat(true))).toEqual(everywhere("decoder"));
  });

  it("cannot be the decoder's without a decoder", () => {
    for (const backbone of [null, backboneThat(false)])
      expect(() => chooseMetric(setting("decoder"), backbone)).toThrow(
        expect.objectContaining({
          code: "metric-needs-decoder",
          setting: { path: "transform.metric", value: "standardized" },
        }),
      );
  });
});

describe("a resumed run", () => {
  it("reads what it measured before, unless the decoder is another one", async () => {
    const random = createRandom(1);
    const values = Float32Array.from({ length: 40 * 8 }, () => random.normal());
    const train = inMemoryLatents({ channels: 2, height: 2, width: 2 }, values);
    let decodes = 0;
    const backbone = {
      async decode(latents: tf.Tensor4D) {
        decodes++;
        return tf.mul(latents, [1, 3]);
      },
    } as unknown as Backbone;
    const notes: string[] = [];
    const fit = async (fingerprint: string) => {
      const input = {
        choice: { decorrelated: "decoder", other: "standardized" },
        transforms: [{ decorrelated: false }, { decorrelated: true }],
        inputs: { train, backbone, backboneConfig: { fingerprint } },
        statistics: await measureLatents(train),
        folder,
        context: quietContext(createRandom(2)),
        note: (line: string) => notes.push(line),
      };
      const metric = await fitMetric(input as unknown as MetricInput);
      expect(metric({ decorrelated: false })).toEqual({ id: "standardized" });
      return metric({ decorrelated: true });
    };
    const first = await fit("a");
    expect(decodes).toBe(3);
    expect(notes.at(-1)).toMatch(/one channel makes \d+\.\d % of it, another (8|9)\d\.\d %/);
    expect(await fit("a")).toEqual(first);
    expect(decodes).toBe(3);
    expect(await fit("b")).toEqual(first);
    expect(decodes).toBe(6);
  });
});
