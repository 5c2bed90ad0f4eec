/**
 * The protocol between page and worker. A call has a name, a request and a response. It may report
 * events, and it can be cancelled. Types only: `client.ts` speaks for the page, `server.ts` for the
 * worker.
 */
import type { TokenLayout } from "@revq/core";
import type { EngineId } from "@revq/engine";
import type { DecodedImage, TokenizerConfig, Vocabulary } from "@revq/tokenizer";

/** Two tokenizers may be open at once. */
export type Slot = "a" | "b";
export const slots: readonly Slot[] = ["a", "b"];

export interface EngineRequest {
  readonly engine: EngineId | "auto";
  /** URL of the folder with tfjs's `.wasm` files. */
  readonly wasmPath: string;
}

export interface EngineStatus {
  readonly id: EngineId;
  readonly description: string;
  /** The other engines of browsers, and why each was refused. */
  readonly refused: readonly { readonly id: EngineId; readonly reason: string }[];
  /**
   * True if the page is cross-origin isolated: `wasm` and the code search then use several threads.
   */
  readonly isolated: boolean;
}

/** A file of a folder that was dropped on the page. */
export interface DroppedFile {
  /** Relative to the folder, with forward slashes. */
  readonly path: string;
  readonly file: File;
}

/** Backbone weights on a server; HTTP cannot list a folder, so the files are named. */
export interface RemoteWeights {
  readonly url: string;
  readonly files: readonly string[];
}

export type TokenizerSource =
  | {
      readonly kind: "url";
      readonly name: string;
      readonly url: string;
      readonly weights: RemoteWeights | null;
      /** Present for a tokenizer with the decoder of another VAE. */
      readonly decoderWeights?: RemoteWeights | null;
    }
  | {
      readonly kind: "files";
      readonly name: string;
      readonly files: readonly DroppedFile[];
      readonly weights: readonly DroppedFile[];
    };

export interface LoadRequest {
  readonly slot: Slot;
  readonly source: TokenizerSource;
}

export interface LoadProgress {
  readonly file: string;
  readonly done: number;
  /** Bytes. */
  readonly total: number;
}

/**
 * The latent elements that each token decides, as indices into `[c, h, w]`. Those of token t are
 * `indices[starts[t] … starts[t + 1]]`.
 */
export interface Footprints {
  readonly starts: Int32Array;
  readonly indices: Int32Array;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly fix: string | null;
}

export interface TokenizerDescription {
  readonly name: string;
  readonly config: TokenizerConfig;
  /** Of the backbone: "linear 8x8 -> 8". Null when it is not up. */
  readonly backbone: string | null;
  /** Why images cannot be shown, null when they can. */
  readonly noImages: Problem | null;
  /** `[c, h, w]` */
  readonly latentShape: readonly [number, number, number];
  readonly layout: TokenLayout;
  /** Of codes, for files of ids. */
  readonly vocabulary: Vocabulary;
  readonly bitsPerImage: number;
  readonly footprints: Footprints;
}

/** The stages of an image that the page shows as images. */
export const stages = ["original", "vae", "quantized", "rectified"] as const;
export type Stage = (typeof stages)[number];

export interface ImageMetrics {
  /** dB over RGB, peak 1. Infinity for equal images. */
  readonly psnr: number;
  readonly ssim: number;
}

export interface EncodeRequest {
  readonly slot: Slot;
  readonly image: Blob;
  readonly name: string;
  /** Without decoding: for statistics over many images. */
  readonly idsOnly: boolean;
}

export interface EncodedTokens {
  /** `[T]` */
  readonly ids: Int32Array;
  /** Mean squared error of each token in the standardized latent, `[T]`. */
  readonly tokenErrors: Float32Array;
  /** Per element, standardized. */
  readonly latentMse: LatentMse;
  readonly map: DecodedImage;
}

export interface LatentMse {
  readonly quantized: number;
  readonly rectified: number;
}

/** What ids alone say, and how far that is from the image. */
export interface TokenReport {
  /** The quantized latents as a picture `[h, w]`: the first three principal components as brightness and colour. */
  readonly map: DecodedImage;
  /** `[T]`, as `EncodedTokens.tokenErrors`; null without an image to compare with. */
  readonly tokenErrors: Float32Array | null;
  readonly latentMse: LatentMse | null;
}

export type EncodeEvent =
  | { readonly kind: "tokens"; readonly tokens: EncodedTokens }
  | {
      readonly kind: "image";
      readonly stage: Stage;
      readonly image: DecodedImage;
      readonly metrics: ImageMetrics | null;
    };

export interface DecodeRequest {
  readonly slot: Slot;
  /** `[T]` */
  readonly ids: Int32Array;
  readonly stages: readonly ("quantized" | "rectified")[];
  /** `[T]`, 1 for tokens that say nothing: they are at the mean of their codes. Default: none. */
  readonly hidden?: Uint8Array;
  /** Score against the image that was encoded last in this slot. */
  readonly score: boolean;
  /** A picture as soon as there is one, before the exact one. Default: none. */
  readonly preview?: boolean;
}

/** The rectified image, nearly: only what has changed was decoded. */
export interface DecodeEvent {
  readonly kind: "preview";
  readonly image: DecodedImage;
  readonly report: TokenReport;
}

export interface DecodeResponse {
  readonly images: readonly {
    readonly stage: "quantized" | "rectified";
    readonly image: DecodedImage;
    readonly metrics: ImageMetrics | null;
  }[];
  readonly report: TokenReport;
  readonly milliseconds: number;
}

export interface MapsRequest {
  readonly slot: Slot;
  /** `[T]` */
  readonly ids: Int32Array;
  readonly groups: readonly number[];
}

export interface CodebookRequest {
  readonly slot: Slot;
  readonly group: number;
}

export interface Codebook {
  readonly group: number;
  /** d */
  readonly dim: number;
  /** `[K, d]`, standardized. */
  readonly vectors: Float32Array;
  /** The first two principal components of every code, `[K, 2]`. */
  readonly map: Float32Array;
  /** Share of the codes' variance that each of the two explains. */
  readonly explained: readonly [number, number];
}

export interface MemoryStatus {
  readonly tensors: number;
  readonly tensorBytes: number;
}

export interface Calls {
  check: { request: EngineRequest; event: never; response: EngineStatus };
  /** Starts to read the tokenizer at this address, which is opened next. */
  ahead: { request: { readonly url: string }; event: never; response: null };
  load: { request: LoadRequest; event: LoadProgress; response: TokenizerDescription };
  unload: { request: { readonly slot: Slot }; event: never; response: null };
  encode: { request: EncodeRequest; event: EncodeEvent; response: { readonly milliseconds: number } };
  decode: { request: DecodeRequest; event: DecodeEvent; response: DecodeResponse };
  /** A picture a group, `[h, w]`: what its tokens say while all others are at their mean. */
  maps: { request: MapsRequest; event: never; response: readonly DecodedImage[] };
  codebook: { request: CodebookRequest; event: never; response: Codebook };
  memory: { request: null; event: never; response: MemoryStatus };
}
export type CallName = keyof Calls;

export type ToWorker =
  | {
      readonly id: number;
      readonly kind: "call";
      readonly name: CallName;
      readonly request: Calls[CallName]["request"];
    }
  | { readonly id: number; readonly kind: "cancel" };

/** Not the answer of a call: the GPU device is gone, and all tensors with it. */
export interface DeviceLost {
  readonly kind: "device-lost";
  readonly reason: string;
}

export type FromWorker =
  | { readonly id: number; readonly kind: "event"; readonly event: unknown }
  | { readonly id: number; readonly kind: "response"; readonly response: unknown }
  | { readonly id: number; readonly kind: "failure"; readonly problem: Problem };
