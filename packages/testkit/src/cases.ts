/** What a test file tells a suite: the cases to run. */
import type { LatentShape, OptionsSchema, WeightsSource } from "@revq/core";
import type { EngineId } from "@revq/engine";
import type { z } from "zod";

interface Case<Schema extends OptionsSchema> {
  /** For the test's title; default: the options. */
  readonly name?: string;
  /** As a user gives them. */
  readonly options?: z.input<Schema>;
}

export interface QuantizerCase<Schema extends OptionsSchema = OptionsSchema> extends Case<Schema> {
  readonly latentShape: LatentShape;
  /** Training latents; default 200. */
  readonly samples?: number;
  /**
   * False where a quantized latent may have other ids than those that it came from (residual
   * quantizers). Default true.
   */
  readonly idempotent?: boolean;
  /**
   * How far a dequantized latent may differ with the size of its batch, relative to the largest
   * element; default 0. Engines add up matrix products in another order for another size.
   */
  readonly tolerance?: number;
}

export interface TransformCase<Schema extends OptionsSchema = OptionsSchema> extends Case<Schema> {
  readonly latentShape: LatentShape;
  /** T of the quantizer; the number of blocks divides it. */
  readonly tokens: number;
  /** Training latents; default 200. */
  readonly samples?: number;
  /**
   * How far engine, host and the way back may differ, relative to the largest element; default
   * 1e-5.
   */
  readonly tolerance?: number;
}

/** Keep the network small: it runs on every engine. */
export interface RectifierCase<Schema extends OptionsSchema = OptionsSchema> extends Case<Schema> {
  readonly latentShape: LatentShape;
  /**
   * How far a latent may differ with the size of its batch, relative to the largest output; default
   * 1e-5.
   */
  readonly tolerance?: number;
}

export interface BackboneCase<Schema extends OptionsSchema = OptionsSchema> extends Case<Schema> {
  /** Side of the images in pixels; keep it small. */
  readonly imageSize: number;
  /** Where the weights are, for a backbone that needs them; opened again for every instance. */
  readonly weights?: () => WeightsSource | Promise<WeightsSource>;
  /** Why the case cannot run here (weights that are not there); its tests are then skipped. */
  readonly skip?: string | undefined;
  /**
   * The engines to run on, for a network that plain JavaScript takes minutes for; default: all that
   * are there.
   */
  readonly engines?: readonly EngineId[] | undefined;
  /**
   * How far an image may differ with the size of its batch, relative to the largest output; default
   * 1e-5.
   */
  readonly tolerance?: number;
}

/** A case with its defaults filled in. */
export type FullCase<C extends { readonly options?: unknown }> = Required<Omit<C, "options">> & {
  readonly options: Record<string, unknown>;
};
