/** @revq/transform-block: orthonormal transforms of blocks of latents, and the identity. */
import { definePlugin, type OptionsOf, type TransformLayout, type TransformPlugin, type LatentShape } from "@revq/core";
import { z } from "zod";
import { findTransform, requireTransform, type TransformKind } from "./geometry.js";

const options = z.strictObject({});
type Plugin = TransformPlugin<typeof options>;

function blockPlugin(id: TransformKind, title: string, rest: Pick<Plugin, "candidate"> = {}): Plugin {
  return definePlugin({
    kind: "transform",
    id,
    title,
    options,
    layout: (_, { latentShape, tokens }) => findTransform(id, latentShape, tokens) ?? null,
    parameterCount(_, { latentShape, tokens }) {
      const { count, dim } = requireTransform(id, latentShape, tokens).rotations;
      return count * dim * dim;
    },
    async create(_, { latentShape, tokens }) {
      const geometry = requireTransform(id, latentShape, tokens);
      const { BlockTransform } = await import("./block-transform.js");
      return new BlockTransform(geometry);
    },
    ...rest,
  });
}

function identityPlugin(id: string, title: string): Plugin {
  return definePlugin({
    kind: "transform",
    id,
    title,
    options,
    layout: (_, { latentShape }) => wholeMap(latentShape),
    parameterCount: () => 0,
    async create(_, { latentShape }) {
      const { IdentityTransform } = await import("./identity-transform.js");
      return new IdentityTransform(wholeMap(latentShape));
    },
  });
}

function wholeMap({ height, width }: LatentShape): TransformLayout {
  return { block: [height, width], blocks: 1, decorrelated: false };
}

export const none = identityPlugin("none", "The latent itself");
export const standardize = identityPlugin("standardize", "The standardized latent itself, as in the paper: like none");
export const dct = blockPlugin("dct", "A two-dimensional DCT of every channel, in blocks");
export const pca = blockPlugin("pca", "The principal axes of blocks");
export const dctKlt = blockPlugin("dct-klt", "A DCT in blocks, then the principal axes across channels per frequency", {
  candidate: true,
});

declare module "@revq/core" {
  interface KnownTransforms {
    none: OptionsOf<typeof none>;
    standardize: OptionsOf<typeof standardize>;
    dct: OptionsOf<typeof dct>;
    pca: OptionsOf<typeof pca>;
    "dct-klt": OptionsOf<typeof dctKlt>;
  }
}
