/**
 * @revq/sample-images: photographs of 256 x 256 pixels to train on. The files are in `images/`,
 * beside `src` and `dist`. This index only names them, so it runs wherever `URL` does. Licences:
 * ATTRIBUTION.md.
 */
import { photographs } from "./photographs.js";

export interface SampleImage {
  /** The file's name, `nagasaki-boats-01.jpg`. */
  readonly name: string;
  readonly url: URL;
  /**
   * Id of the photograph that it is cut from. Its crops overlap, so they belong on one side of a
   * split.
   */
  readonly photograph: string;
  /** Title, author, date and place of the photograph. */
  readonly source: string;
  /** SPDX identifier of the image's licence. */
  readonly license: string;
}

/** The folder that holds the images, and nothing else. Ends with a slash. */
export const sampleImagesFolder: URL = new URL("../images/", import.meta.url);

/**
 * Sorted by name. Crops of one photograph overlap by less than half and differ in scale. JPEG, 256
 * x 256, 8-bit sRGB.
 */
export const sampleImages: readonly SampleImage[] = photographs
  .flatMap(({ id, crops, source, license }) =>
    Array.from({ length: crops }, (_, index) => {
      const name = `${id}-${String(index + 1).padStart(2, "0")}.jpg`;
      return { name, url: new URL(name, sampleImagesFolder), photograph: id, source, license };
    }),
  )
  .sort((a, b) => (a.name < b.name ? -1 : 1));
