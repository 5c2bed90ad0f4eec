/** Options of every source of images. */
export interface OpenImagesOptions {
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Only the first so many by name; of a procedural source the number of images. */
  readonly limit?: number;
  /** Of a procedural source. */
  readonly seed?: number;
  /** Number of files decoded at once; default: the number of processors, at most 8. */
  readonly concurrency?: number;
  /** Images of more pixels are skipped; default 100 million. */
  readonly pixelLimit?: number;
  /**
   * Archives that are broken or missing are skipped and counted; their images before the damage are
   * used. Default: they are an error.
   */
  readonly skipBroken?: boolean;
}
