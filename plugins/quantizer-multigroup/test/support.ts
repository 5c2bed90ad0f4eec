/** What the tests share: fixtures of the shared folder, latents in memory, latents from token rows. */
import {
  createRandom,
  latentSize,
  parseOptions,
  quietContext,
  type LatentShape,
  type LatentSource,
  type Quantizer,
  type QuantizerCandidate,
  type TokenLayout,
  type TransformLayout,
} from "@revq/core";
import { fromBuffer, openSafetensors } from "@revq/formats";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { dctKlt } from "@revq/transform-block";
import { multigroup, type MultigroupInput } from "../src/index.js";

const shared = resolve(import.meta.dirname, "../../..", process.env["REVQ_SHARED"] ?? "../shared");
export const sharedPath = (...parts: string[]): string => join(shared, ...parts);
export const fixturesPresent = existsSync(sharedPath("fixtures", "quantizer_forward.safetensors"));
export const needs = "(needs ../shared/fixtures)";

export interface Fixture {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Every tensor of a safetensors fixture, as float32. */
export async function readFixture(file: string): Promise<{ tensors: Record<string, Fixture>; metadata: Metadata }> {
  const opened = await openSafetensors(fromBuffer(file, readFileSync(sharedPath("fixtures", file))));
  const tensors: Record<string, Fixture> = {};
  for (const name of opened.tensors.keys()) tensors[name] = await opened.readFloat32(name);
  return { tensors, metadata: opened.metadata };
}
type Metadata = Readonly<Record<string, string>>;

/** @param values `[n, h, w, c]` */
export function sourceOf(shape: LatentShape, values: Float32Array): LatentSource {
  const size = latentSize(shape);
  return {
    shape,
    count: values.length / size,
    read: async (indices) => {
      const rows = new Float32Array(indices.length * size);
      Array.from(indices).forEach((index, row) => {
        rows.set(values.subarray(index * size, (index + 1) * size), row * size);
      });
      return rows;
    },
  };
}

/** PyTorch's `[n, c, h, w]` to `[n, h, w, c]`. */
export function channelLast(values: Float32Array, { channels, height, width }: LatentShape): Float32Array {
  const positions = height * width;
  const size = channels * positions;
  return values.map((_, i) => {
    const start = i - (i % size);
    const c = i % channels;
    const position = Math.floor((i - start) / channels);
    return values[start + c * positions + position]!;
  });
}

/** The layout of the transform `none`. */
export function untransformed({ height, width }: LatentShape): TransformLayout {
  return { block: [height, width], blocks: 1, decorrelated: false };
}

/** A quantizer of untransformed latents. */
export function create(options: MultigroupInput, latentShape: LatentShape): Promise<Quantizer> {
  return multigroup.create(parseOptions(multigroup, options), { latentShape, transform: untransformed(latentShape) });
}

export interface ResolveCase {
  readonly options?: MultigroupInput;
  readonly latentShape: LatentShape;
  readonly samples: number;
  readonly bits?: number | undefined;
  /** With the blocks of dct-klt instead of no transform. */
  readonly decorrelated?: boolean;
  readonly latents?: LatentSource;
  /** Tokens and codes that are chosen already. */
  readonly keep?: TokenLayout;
}

/** The quantizer's first candidate. */
export async function resolve1(given: ResolveCase): Promise<QuantizerCandidate<MultigroupInput>> {
  return (await resolveAll(given))[0]!;
}

export async function resolveAll(given: ResolveCase): Promise<readonly QuantizerCandidate<MultigroupInput>[]> {
  const { options = {}, latentShape, samples, bits = null, decorrelated = false, latents = null, keep } = given;
  return multigroup.resolve!(parseOptions(multigroup, options), {
    ...quietContext(createRandom(2)),
    latentShape,
    samples,
    bits,
    latents,
    ...(keep ? { keep } : {}),
    transform: (tokens) => (decorrelated ? dctKlt.layout({}, { latentShape, tokens }) : untransformed(latentShape)),
  });
}
