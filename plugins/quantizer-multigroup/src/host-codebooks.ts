/**
 * The codebooks on the host, in memory that the search's threads share, and the variable that they are a copy of. Either side may be
 * ahead: the variable after a restore, the host while a trainer moves the codes in place.
 */
import { requireFinite, sharedFloat32 } from "@revq/nearest";
import * as tf from "@tensorflow/tfjs-core";
import type { Variable } from "@tensorflow/tfjs-core";
import type { CodebookMemory } from "./codebook-trainer.js";

export class HostCodebooks implements CodebookMemory {
  private host: Float32Array | null = null;
  /** The tensor data that `host` is equal to: every change of the variable gives it new data. */
  private dataId: object | null = null;
  private ahead = false;

  constructor(private readonly variable: Variable) {}

  /** Not to be changed. Throws `codebook-not-finite`. */
  async download(): Promise<Float32Array> {
    const { dataId } = this.variable;
    if (!this.host || (!this.ahead && this.dataId !== dataId)) {
      this.copyIn((await this.variable.data()) as Float32Array);
      this.dataId = dataId;
    }
    return this.host!;
  }

  /** Brings the variable up to the host. */
  upload(): void {
    if (!this.ahead) return;
    // A copy: an engine may read it later, and the host's goes on changing.
    tf.tidy(() => this.variable.assign(tf.tensor(new Float32Array(this.host!), this.variable.shape)));
    this.dataId = this.variable.dataId;
    this.ahead = false;
  }

  /** New codebooks, on both sides. Throws `codebook-not-finite`. */
  assign(codebooks: Float32Array): void {
    this.copyIn(codebooks);
    this.ahead = true;
    this.upload();
  }

  /** The variable was given other values: the host's are out of date. */
  restored(): void {
    this.ahead = false;
    this.dataId = null;
  }

  /** Live, to be changed in place and followed by `changed`; as of the last search. */
  values(): Float32Array {
    if (this.host && (this.ahead || this.dataId === this.variable.dataId)) return this.host;
    throw new Error("the trainer works on the codes of a search: call quantize first");
  }

  changed(): void {
    this.ahead = true;
  }

  private copyIn(values: Float32Array): void {
    requireFinite("codebooks", "codebook-not-finite", values);
    this.host ??= sharedFloat32(values.length);
    this.host.set(values);
  }
}
