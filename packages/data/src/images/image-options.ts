/** Options of every source of images. */
export interface OpenImagesOptions {
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Only the first so many by name; of a procedural source the number of images. */
  readonly limit?: number;
  /** Of a procedural source. */
  readonly seed?: number;
  readonly concurrency?: number;
}
