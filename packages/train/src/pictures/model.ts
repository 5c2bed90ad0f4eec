/** What picture steps train: the rectifier, and the decoder where it is adapted. */
import { toNamedArrays, withPrefix, type NamedArrays } from "@revq/core";
import type { DecoderAdapter } from "../decoder/adapter.js";
import { lendTensors } from "../run/tensor-state.js";
import type { PictureCodec } from "./codec.js";

export interface TrainedModel {
  readonly codec: PictureCodec;
  readonly adapter: DecoderAdapter | null;
}

/** `rectifier.*`, `decoder.*`: the weights as they are now. */
export async function modelArrays({ codec, adapter }: TrainedModel): Promise<NamedArrays> {
  return {
    ...withPrefix("rectifier", await toNamedArrays(codec.rectifier.state())),
    ...withPrefix("decoder", await toNamedArrays(adapter?.state() ?? {})),
  };
}

/** Takes up what `modelArrays` gave. */
export function restoreModel({ codec, adapter }: TrainedModel, arrays: NamedArrays): void {
  lendTensors(arrays, "rectifier", (state) => codec.rectifier.restore(state));
  if (adapter) lendTensors(arrays, "decoder", (state) => adapter.restore(state));
}
