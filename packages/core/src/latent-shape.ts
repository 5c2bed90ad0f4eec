/**
 * The shape of one image's latent. Written `[c, h, w]` in files and JSON, as PyTorch does; tensors
 * are `[n, h, w, c]`.
 */
export interface LatentShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Elements of one latent: c * h * w.
 *
 * @example
 * latentSize({ channels: 32, height: 8, width: 8 }); // => 2048
 */
export function latentSize(shape: LatentShape): number {
  return shape.channels * shape.height * shape.width;
}

/** `[c, h, w]`, the order that files, JSON and messages use. */
export function latentShapeToArray(shape: LatentShape): [number, number, number] {
  return [shape.channels, shape.height, shape.width];
}

export function latentShapeFromArray([channels, height, width]: readonly [number, number, number]): LatentShape {
  return { channels, height, width };
}

export function sameLatentShape(a: LatentShape, b: LatentShape): boolean {
  return a.channels === b.channels && a.height === b.height && a.width === b.width;
}
