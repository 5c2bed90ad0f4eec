/** Scores the models of a picture stage and remembers the best one. */
import { underPrefix, withPrefix, type Backbone, type NamedArray, type NamedArrays } from "@revq/core";
import * as tf from "@tensorflow/tfjs-core";
import type { PictureProgress } from "../run/checkpoints.js";
import type { PictureModelName, PictureRecord } from "../run/records.js";
import type { HeldOutScorer } from "./held-out.js";
import { modelArrays, restoreModel, type TrainedModel } from "./model.js";
import { isBetter, type Selection } from "./select.js";

export interface Judge {
  readonly backbone: Backbone;
  readonly scorer: HeldOutScorer;
  readonly select: Selection;
  readonly onRecord: (record: PictureRecord) => Promise<void>;
}

export class BestModel {
  readonly #model: TrainedModel;
  readonly #judge: Judge;
  #records: PictureRecord[] = [];
  #best: PictureRecord | null = null;
  #arrays: NamedArrays = {};

  constructor(model: TrainedModel, judge: Judge) {
    this.#model = model;
    this.#judge = judge;
  }

  get records(): readonly PictureRecord[] {
    return this.#records;
  }

  /** Nothing but the codebooks, until something is better. */
  get kept(): PictureModelName {
    return this.#best?.model ?? "identity";
  }

  /** Scores the weights as they are now. */
  async measure(model: PictureModelName, pictureStep: number): Promise<void> {
    const { backbone, scorer, select, onRecord } = this.#judge;
    const { codec, adapter } = this.#model;
    const decoder = model === "decoder" ? adapter : null;
    const scores = await scorer.score({
      rectify:
        model === "identity" ? (quantized) => tf.clone(quantized) : (quantized) => codec.rectifier.rectify(quantized),
      decode: decoder
        ? async (latents) => tf.tidy(() => backbone.gradients!.decode(latents, decoder.weights()).images)
        : (latents) => backbone.decode(latents),
    });
    const record: PictureRecord = { model, pictureStep, scores };
    if (!this.#best || isBetter(scores, this.#best.scores, select)) {
      this.#best = record;
      this.#arrays = model === "identity" ? {} : structuredClone(await modelArrays(this.#model));
    }
    this.#records.push(record);
    await onRecord(record);
  }

  /** What a checkpoint must hold: `best.*`. */
  arrays(): NamedArrays {
    return withPrefix<NamedArray>("best", this.#arrays);
  }

  /** Goes on from a checkpoint. */
  restore({ records, kept }: PictureProgress, arrays: NamedArrays): void {
    this.#records = [...records];
    this.#arrays = underPrefix("best", arrays);
    const { select } = this.#judge;
    for (const record of records) {
      if (!this.#best || isBetter(record.scores, this.#best.scores, select)) this.#best = record;
    }
    if (this.kept !== kept) throw new Error(`the checkpoint keeps ${kept}, its records ${this.kept}`);
  }

  /** Gives the model the weights of the best one. */
  takeUp(): void {
    if (this.kept !== "identity") restoreModel(this.#model, this.#arrays);
  }
}
