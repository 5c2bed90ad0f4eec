/** The learned part of a transform, which lives on the engine and has a copy on the host: rotations, and who gets which coefficient. */
import { requireTensor, type FitContext, type LatentSource, type NamedTensors } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor2D, Tensor3D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { cutTokens, joinTokens } from "@revq/plugin-kit";
import type { TokenSplit } from "@revq/core";
import { hostCopy, type HostCopy } from "../host-copy.js";
import { withDealing, type MultigroupLayout } from "../layout.js";
import { dealCoefficients, tokenOfRank } from "./balance.js";
import { blockCosines } from "./dct.js";
import { fitTransform } from "./fit-transform.js";
import { createForward, type Forward } from "./forward.js";
import type { TransformGeometry } from "./geometry.js";
import { cutBlocks, invertTransform, joinBlocks, transformOnEngine } from "./inverse.js";

export class LearnedTransform {
  private readonly rotation: Variable | undefined;
  /** For every coefficient of a block, its place among the numbers of the block's tokens: `[size]`. */
  private readonly places: Variable | undefined;
  private readonly cosines: Tensor2D | undefined;
  private readonly hostRotation: HostCopy | undefined;
  private readonly hostPlaces: HostCopy | undefined;
  private prepared:
    { readonly layout: MultigroupLayout; readonly forward: Forward; readonly of: unknown[] } | undefined;

  constructor(
    private readonly layout: MultigroupLayout,
    private readonly geometry: TransformGeometry,
  ) {
    const { kind, block, rotations, size } = geometry;
    if (rotations.count > 0) {
      const { count, dim } = rotations;
      this.rotation = tf.tidy(() => tf.variable(tf.zeros([count, dim, dim]), false));
      this.hostRotation = hostCopy(this.rotation);
    }
    if (layout.split === "balanced") {
      this.places = tf.tidy(() => tf.variable(tf.range(0, size, 1, "int32"), false));
      this.hostPlaces = hostCopy(this.places);
    }
    const cells = block[0] * block[1];
    this.cosines =
      kind === "pca" ? undefined : tf.keep(tf.tensor2d(Float32Array.from(blockCosines(...block)), [cells, cells]));
  }

  /** The layout with its learned order, and the way from latents to coefficients. */
  async onHost(): Promise<{ layout: MultigroupLayout; forward: Forward }> {
    const [rotation, places] = [await this.hostRotation?.(), await this.hostPlaces?.()];
    if (this.prepared?.of[0] !== rotation || this.prepared?.of[1] !== places || !this.prepared) {
      const dealt = new Int32Array(places?.length ?? 0);
      places?.forEach((place, coefficient) => (dealt[place] = coefficient));
      this.prepared = {
        layout: withDealing(this.layout, dealt),
        forward: createForward(this.geometry, (rotation as Float32Array | undefined) ?? null),
        of: [rotation, places],
      };
    }
    return this.prepared;
  }

  async fit(latents: LatentSource, context: Pick<FitContext, "random" | "report" | "signal">): Promise<void> {
    const { rotation, variances } = await fitTransform(latents, this.geometry, context);
    if (this.rotation) assign(this.rotation, tf.tensor(rotation, this.rotation.shape));
    if (!this.places) return;
    const { blocks, size } = this.geometry;
    const { dim, groups } = this.layout;
    const tokens = this.layout.tokens / blocks;
    const places = new Int32Array(size);
    dealCoefficients(variances, tokens).forEach((coefficient, i) => {
      const token = tokenOfRank(Math.floor(i / dim), tokens, groups);
      places[coefficient] = token * dim + (i % dim);
    });
    assign(this.places, tf.tensor1d(places, "int32"));
  }

  /** latents `[n, h, w, c]` -> tokens `[n, T, d]`: undoes `invert`, by tensor operations alone. */
  forwardOnEngine(latents: Tensor4D): Tensor3D {
    const { shape, split, tokens, dim } = this.layout;
    return tf.tidy(() => {
      const coefficients = transformOnEngine(this.geometry, latents, this.rotation, this.cosines);
      if (!this.places) return cutTokens(joinBlocks(coefficients, this.geometry), shape, tokens, split as TokenSplit);
      const places = this.places.dataSync();
      const dealt = new Int32Array(places.length);
      places.forEach((place, coefficient) => (dealt[place] = coefficient));
      return tf.reshape(tf.gather(coefficients, tf.tensor1d(dealt, "int32"), 1), [latents.shape[0], tokens, dim]);
    });
  }

  /** tokens `[n, T, d]` -> latents `[n, h, w, c]`, n > 0. */
  invert(tokens: Tensor3D): Tensor4D {
    const { shape, split } = this.layout;
    const { blocks, size } = this.geometry;
    return tf.tidy(() => {
      const coefficients = this.places
        ? (tf.gather(tf.reshape(tokens, [tokens.shape[0] * blocks, size]), this.places as never, 1) as Tensor2D)
        : cutBlocks(joinTokens(tokens, shape, split as TokenSplit), this.geometry);
      return invertTransform(this.geometry, coefficients, this.rotation, this.cosines);
    });
  }

  state(): NamedTensors {
    return {
      ...(this.rotation ? { rotation: this.rotation } : {}),
      ...(this.places ? { places: this.places } : {}),
    };
  }

  restore(state: NamedTensors): void {
    const found = Object.entries(this.state()).map(([name, variable]) => ({
      variable: variable as Variable,
      value: requireTensor(state, name, variable.shape),
    }));
    for (const { variable, value } of found) assign(variable, tf.clone(value));
  }

  dispose(): void {
    tf.dispose([this.rotation, this.places, this.cosines].filter((tensor) => tensor !== undefined));
  }
}

/** Gives a variable a value of its dtype and frees the value. */
function assign(variable: Variable, value: tf.Tensor): void {
  const typed = tf.cast(value, variable.dtype as "float32");
  variable.assign(typed);
  tf.dispose([value, typed]);
}
