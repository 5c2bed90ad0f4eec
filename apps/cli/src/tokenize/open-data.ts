/** Opens what `revq tokenize` reads: images, or latents. */
import { openImages, type IndexedImageSource } from "@revq/data";
import {
  imageSamples,
  latentSamples,
  openCaptions,
  openLabels,
  openLatentData,
  type Augmentation,
  type Captions,
  type Labels,
  type LabelSource,
  type NamedLatents,
  type SampleSource,
} from "@revq/dataset";
import type { Tokenizer } from "@revq/tokenizer";
import { noteImages } from "@revq/train";
import { UsageError } from "../errors/usage-error.js";
import { imageOptions } from "../images/image-flags.js";

export type NamedData = { readonly images: IndexedImageSource } | NamedLatents;

export interface DataFlags {
  readonly "skip-broken"?: boolean | undefined;
  readonly "pixel-limit"?: string | undefined;
  readonly limit?: number | undefined;
  readonly augment?: string | undefined;
  readonly labels?: string | undefined;
  readonly "label-column"?: string | undefined;
  readonly batch?: number | undefined;
  readonly effort?: number | undefined;
}

/** Before the VAE is loaded, which takes longer. @throws UsageError `tokenize-latents`, `label-column` */
export async function openData(
  specs: readonly string[],
  flags: DataFlags,
  note: (line: string) => void,
): Promise<NamedData> {
  if (flags["label-column"] !== undefined && !["column", undefined].includes(flags.labels)) {
    throw new UsageError("label-column", `--label-column names a column, but labels are taken from: ${flags.labels}.`, {
      fix: "Leave one of --labels and --label-column out.",
    });
  }
  const latents = await openLatentData(specs);
  const ofImages = (["augment", "limit"] as const).find((name) => flags[name] !== undefined);
  if (latents && ofImages !== undefined) {
    throw new UsageError("tokenize-latents", `--${ofImages} is for images; ${specs[0]} holds latents.`, {
      fix: `Leave --${ofImages} out, or name images.`,
    });
  }
  if (latents) return latents;
  const { limit } = flags;
  const images = await openImages(specs, {
    size: 1,
    ...imageOptions(flags),
    ...(limit === undefined ? {} : { limit }),
  });
  noteImages(images, note);
  return { images };
}

/** Latents need less memory than images, and their search is quicker in large batches. */
const defaultBatch = { images: 8, latents: 128 };

export function batchOf(data: NamedData, { batch }: DataFlags): number {
  return batch ?? defaultBatch["images" in data ? "images" : "latents"];
}

export function samplesOf(
  data: NamedData,
  specs: readonly string[],
  tokenizer: Tokenizer,
  flags: DataFlags,
): SampleSource {
  const batch = batchOf(data, flags);
  const { effort } = flags;
  if (!("images" in data)) return latentSamples({ ...data, description: specs.join(", "), tokenizer, batch, effort });
  const augment = (flags.augment ?? "none") as Augmentation;
  return imageSamples({ images: data.images, tokenizer, augment, batch, effort });
}

export interface Annotations {
  readonly labels: Labels | null;
  readonly captions: Captions | null;
}

/** Labels and captions, with a line for the user that says where they are from. */
export async function openAnnotations(
  source: SampleSource,
  flags: DataFlags,
  note: (line: string) => void,
): Promise<Annotations> {
  const labels = await openLabels(
    source,
    (flags.labels ?? "auto") as LabelSource | "auto" | "none",
    flags["label-column"],
    note,
  );
  const captions = openCaptions(source);
  if (labels && flags.labels === undefined && flags["label-column"] === undefined) {
    const from = { folder: "the names of folders", member: ".cls", column: `the column ${labels.column}` }[
      labels.source
    ];
    note(
      `Labels from ${from}${labels.names ? `: ${labels.names.length} classes` : ""}. --labels none leaves them out.`,
    );
  }
  return { labels, captions };
}
