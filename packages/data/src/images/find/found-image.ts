import type { BesideImage } from "../beside.js";

/** An image that was found and not read yet. */
export interface FoundImage {
  readonly name: string;
  /** Size of the image in bytes, or of the whole archive where the image's size is unknown. */
  size(): number | Promise<number>;
  /** Throws an `Error` whose message says why there is no image. */
  read(): Promise<Uint8Array>;
  /** Its first bytes, where they are cheap to get. */
  head?(): Uint8Array | Promise<Uint8Array>;
  /** The user named this image; it must be readable. */
  readonly named?: boolean;
  /** Default: nothing. */
  readonly beside?: BesideImage;
}
