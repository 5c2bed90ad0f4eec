/** The exact search where the latents already are: the fused kernel of `@revq/nearest/webgpu`, on tensors of tfjs's WebGPU backend. */
import type { TokenSplit, TransformLayout } from "@revq/core";
import { cutTokens } from "@revq/plugin-kit";
import { requireFinite } from "@revq/nearest";
import { nearestCodesWebGPU, webgpuSearchRuns } from "@revq/nearest/webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { CodebookSizes } from "./codebook-sizes.js";
import type { MultigroupLayout } from "./layout.js";

/**
 * Whether `searchOnGpu` can serve. Codebooks of unequal sizes are not one array of the kernel. Coefficients of a transform
 * are made on the host, so the host searches them.
 */
export function gpuSearches({ decorrelated }: TransformLayout, { equal }: CodebookSizes): boolean {
  return !decorrelated && equal !== null && webgpuSearchRuns();
}

/**
 * latents `[n, h, w, c]`, codebooks `[G, K, d]` -> ids `[n, T]` int32, those of `searchCodes`. One value is downloaded: whether all latents
 * are finite.
 *
 * @throws RevqError `latent-not-finite`; `nearest-size` when one call of a GPU cannot hold so many samples
 */
export async function searchOnGpu(latents: Tensor4D, codebooks: Tensor3D, layout: MultigroupLayout): Promise<Tensor2D> {
  const { shape, split, tokens } = layout;
  if (latents.size === 0) return tf.zeros([0, tokens], "int32");
  const order = kernelOrder(layout);
  const [codes, finite] = tf.tidy((): [Tensor2D, Tensor] => {
    const cut = cutTokens(latents, shape, tokens, split as TokenSplit);
    const finite = tf.all(tf.isFinite(latents));
    if (!order) return [nearestCodesWebGPU(cut, codebooks).indices, finite];
    const { indices } = nearestCodesWebGPU(tf.gather(cut, order.from, 1), codebooks);
    return [tf.gather(indices, order.back, 1), finite];
  });
  try {
    const [all] = await finite.data();
    if (!all) requireFinite("latents", "latent-not-finite", await latents.data<"float32">());
    return codes;
  } catch (error) {
    codes.dispose();
    throw error;
  } finally {
    finite.dispose();
  }
}

/**
 * The kernel's token t searches codebook t % G. Null when the layout's tokens do so; else the tokens in an order in which they do, and
 * the way back. Groups that are not t % G all have as many tokens.
 */
function kernelOrder({
  groups,
  groupOf,
  tokensOf,
  tokens,
}: MultigroupLayout): { from: number[]; back: number[] } | null {
  if (groupOf.every((group, token) => group === token % groups)) return null;
  const from = Array.from({ length: tokens }, (_, t) => tokensOf[t % groups]![Math.floor(t / groups)]!);
  const back = new Array<number>(tokens);
  from.forEach((token, index) => (back[token] = index));
  return { from, back };
}
