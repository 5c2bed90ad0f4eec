/** The adapted decoder that a run keeps, for its tokenizer. */
import { fingerprint, type Backbone, type NamedArrays, type NamedTensors, type PluginRegistry } from "@revq/core";
import {
  choiceOf,
  createAdaptedDecoder,
  createBackbone,
  type AdaptedDecoder,
  type DecoderConfig,
  type TokenizerConfig,
} from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { upload } from "../run/tensor-state.js";
import type { AdapterPlan } from "./adapter-shapes.js";

export interface KeptDecoder {
  /** For config.json. */
  readonly config: DecoderConfig;
  readonly decoder: AdaptedDecoder;
}

export interface KeepDecoderInput {
  readonly backbone: Backbone;
  /** The backbone's plugin and options, as config.json has them. */
  readonly selected: NonNullable<TokenizerConfig["backbone"]>;
  readonly imageSize: number;
  readonly plan: Pick<AdapterPlan, "mode" | "rank">;
  /** `DecoderAdapter.state()` on the host. */
  readonly arrays: NamedArrays;
  readonly plugins: PluginRegistry;
}

/** The decoder belongs to the caller. */
export async function keepDecoder(input: KeepDecoderInput): Promise<KeptDecoder> {
  const { backbone, selected, imageSize, plan, arrays, plugins } = input;
  const tensors: NamedTensors = Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [name, upload(array)]),
  );
  try {
    const create = (state: NamedTensors): Promise<Backbone> =>
      createBackbone(choiceOf(selected), { plugins, imageSize, state });
    const decoder = await createAdaptedDecoder({ backbone, mode: plan.mode, tensors, create });
    const { mode, rank } = plan;
    return { config: { mode, rank, fingerprint: await fingerprint(arrays) }, decoder };
  } finally {
    tf.dispose({ ...tensors });
  }
}
