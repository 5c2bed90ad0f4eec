/** What labels are, and what they are read from. */
import type { BesideImage } from "@revq/data";
import { z } from "zod";

/** `folder`: the image's folder. `member`: a `.cls` file or member. `column`: a column of its table. */
export const labelSources = ["folder", "member", "column"] as const;
export type LabelSource = (typeof labelSources)[number];

/** `labels.json` */
export const labelsSchema = z.strictObject({
  source: z.enum(labelSources),
  /** The column; null for other sources. */
  column: z.string().nullable(),
  /** The name of class i; null if classes have numbers alone. */
  names: z.array(z.string()).nullable(),
});

export interface Labels extends Readonly<z.output<typeof labelsSchema>> {
  /** The class of an image. Throws `label-missing`. */
  of(index: number): Promise<number>;
}

/** Where labels and captions are looked for. */
export interface Labelled {
  readonly names: readonly string[];
  beside(index: number): BesideImage;
}
