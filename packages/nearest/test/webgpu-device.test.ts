/** Needs a WebGPU device; runs inside swiftshader.test.ts, or where there is a GPU. */
import { createRandom } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nearestCodesSync, type NearestShape } from "@revq/nearest";
import { nearestCodesWebGPU } from "@revq/nearest/webgpu";
import { families, makeProblem, type Problem } from "./problems.js";

type Gpu = { requestAdapter(): Promise<GpuAdapter | null> };
type GpuAdapter = { info: object; requestDevice(): Promise<GpuDevice> };
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type GpuDevice = any;

/** Dawn crashes when this object is collected while its devices live. */
const kept: { gpu?: Gpu } = {};

async function findAdapter(): Promise<GpuAdapter | null> {
  try {
    const dawn = (await import("webgpu")) as { create(options: string[]): Gpu; globals: object };
    Object.assign(globalThis, dawn.globals);
    kept.gpu = dawn.create([]);
    // tfjs looks for WebGPU there.
    Object.defineProperty(globalThis, "navigator", { value: { gpu: kept.gpu }, configurable: true });
    return await kept.gpu.requestAdapter();
  } catch {
    return null;
  }
}

const adapter = await findAdapter();
it.runIf(process.env["REVQ_TEST_SWIFTSHADER"] !== undefined)("finds an adapter on SwiftShader", () =>
  expect(adapter).not.toBeNull(),
);

function problem(
  shape: Required<Omit<NearestShape, "groupOf">>,
  draw: (random: ReturnType<typeof createRandom>) => number,
) {
  const random = createRandom(7);
  const values = (length: number): Float32Array => Float32Array.from({ length }, () => draw(random));
  const codebooks = values(shape.groups * shape.codes * shape.dim);
  for (let code = 5; code < shape.codes; code += 7) codebooks.copyWithin(code * shape.dim, 0, shape.dim);
  return { shape, latents: values(shape.samples * shape.tokens * shape.dim), codebooks };
}

const normal = (random: ReturnType<typeof createRandom>): number => random.normal();
const cases = [
  ["the paper's token", problem({ samples: 40, tokens: 4, groups: 4, codes: 700, dim: 4 }, normal)],
  ["one query a group", problem({ samples: 1, tokens: 9, groups: 9, codes: 1500, dim: 8 }, normal)],
  ["many queries", problem({ samples: 1200, tokens: 1, groups: 1, codes: 130, dim: 4 }, normal)],
  ["several tokens a group, not all alike", problem({ samples: 30, tokens: 7, groups: 3, codes: 65, dim: 6 }, normal)],
  ["one code, one number", problem({ samples: 5, tokens: 2, groups: 2, codes: 1, dim: 1 }, normal)],
  ["a long token", problem({ samples: 10, tokens: 2, groups: 2, codes: 300, dim: 33 }, normal)],
  ["ties", problem({ samples: 100, tokens: 2, groups: 2, codes: 200, dim: 3 }, (random) => random.integer(3))],
  [
    "values far from zero",
    problem({ samples: 100, tokens: 2, groups: 2, codes: 200, dim: 5 }, (random) => 4096 + 1e-2 * random.normal()),
  ],
  [
    "distances beyond float32",
    problem({ samples: 20, tokens: 1, groups: 1, codes: 40, dim: 4 }, (random) => 3e37 * random.normal()),
  ],
] as const;

describe.skipIf(!adapter)("WGSL (needs a GPU, or SwiftShader through swiftshader.test.ts)", () => {
  let device: GpuDevice;
  beforeAll(async () => {
    device = await adapter!.requestDevice();
    const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
    // tfjs registers one with a device of its own, made with the smallest limits.
    if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
    tf.registerBackend("webgpu", () => new WebGPUBackend(device, adapter!.info as never));
    await tf.setBackend("webgpu");
  });
  afterAll(() => tf.removeBackend("webgpu"));

  // A software device takes seconds to compile each shader.
  const chosen = process.env["REVQ_TEST_FULL"] === undefined ? [cases[2], cases[3], cases[6]] : cases;
  it.each(chosen)("gives the reference's bits: %s", async (_, { shape, latents, codebooks }) => {
    const expected = nearestCodesSync(latents, codebooks, shape, { engine: "reference" });
    const before = tf.memory().numTensors;
    const x = tf.tensor3d(latents, [shape.samples, shape.tokens, shape.dim]);
    const c = tf.tensor3d(codebooks, [shape.groups, shape.codes, shape.dim]);
    const found = nearestCodesWebGPU(x, c);
    expect(found.indices.shape).toEqual([shape.samples, shape.tokens]);
    expect(await found.indices.data()).toEqual(expected.indices);
    expect(await found.distances.data()).toEqual(expected.distances);
    tf.dispose([x, c, found.indices, found.distances]);
    expect(tf.memory().numTensors).toBe(before);
  });

  const search = async ({ shape, latents, codebooks }: Problem) => {
    const x = tf.tensor3d(latents, [shape.samples, shape.tokens!, shape.dim]);
    const c = tf.tensor3d(codebooks, [shape.groups, shape.codes, shape.dim]);
    const { indices, distances } = nearestCodesWebGPU(x, c);
    const found = { indices: await indices.data(), distances: await distances.data() };
    tf.dispose([x, c, indices, distances]);
    return found;
  };

  /** A GPU may take denormal numbers, and squares as small, for zero. */
  const denormals = ["denormal", "squares underflow", "far apart"];
  // Few dimensions: each needs shaders of its own.
  const problemsOf = (names: string[]) =>
    fc
      .record({
        family: fc.constantFrom(...names),
        samples: fc.integer({ min: 0, max: 12 }),
        groups: fc.integer({ min: 1, max: 4 }),
        codes: fc.constantFrom(1, 2, 7, 64, 65, 257),
        dim: fc.constantFrom(3, 4),
        extra: fc.integer({ min: 0, max: 3 }),
        seed: fc.integer(),
      })
      .map(({ family, samples, groups, codes, dim, extra, seed }) =>
        makeProblem(family, samples, groups, codes, dim, groups + extra, seed),
      );
  const numRuns = process.env["REVQ_TEST_FULL"] === undefined ? 20 : 600;

  it("gives the reference's bits for whatever has no denormal numbers in it", { timeout: 120_000 }, async () => {
    const names = Object.keys(families).filter((name) => !denormals.includes(name));
    await fc.assert(
      fc.asyncProperty(problemsOf(names), async (problem) => {
        const { shape, latents, codebooks } = problem;
        expect(await search(problem)).toEqual(nearestCodesSync(latents, codebooks, shape, { engine: "reference" }));
      }),
      { numRuns },
    );
  });

  it("finds codes as near as the nearest, but for denormal numbers", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(problemsOf(denormals), async ({ shape, latents, codebooks }) => {
        const { indices } = await search({ shape, latents, codebooks });
        const { codes, dim, groups } = shape;
        indices.forEach((chosen, query) => {
          const group = (query % shape.tokens!) % groups;
          const exact = (code: number): number => {
            let sum = 0;
            for (let i = 0; i < dim; i++)
              sum += (latents[query * dim + i]! - codebooks[(group * codes + code) * dim + i]!) ** 2;
            return Math.min(sum, 3.4e38); // beyond float32 all are alike
          };
          const minimum = Math.min(...Array.from({ length: codes }, (_, code) => exact(code)));
          expect(exact(chosen)).toBeLessThanOrEqual(minimum * (1 + (dim + 3) * 2 ** -23) + dim * 2 ** -125);
        });
      }),
      { numRuns },
    );
  });

  it("refuses what does not fit, and works inside tidy", async () => {
    const [x, c] = [tf.zeros([2, 3, 4]), tf.zeros([3, 2, 5])] as [tf.Tensor3D, tf.Tensor3D];
    expect(() => nearestCodesWebGPU(x, c)).toThrow("do not fit");
    const empty = nearestCodesWebGPU(tf.zeros([0, 3, 5]), c);
    expect(empty.indices.shape).toEqual([0, 3]);
    const before = tf.memory().numTensors;
    tf.tidy(() => void nearestCodesWebGPU(tf.zeros([2, 3, 5]), c));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, c, empty.indices, empty.distances]);
  });
});
