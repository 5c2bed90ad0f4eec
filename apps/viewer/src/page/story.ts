/** What the first screen tells of an image: computed results, or those of the build until they are there. */
import type { DecodedImage } from "@revq/tokenizer";
import type { Stage } from "../protocol/messages.js";
import { size, whole } from "./format.js";
import { openedOf, stageImage, type OpenedTokenizer, type StageImage, type ViewerState } from "./state.js";

export interface Story {
  readonly tokens: number;
  /** Of the ids, without entropy coding. */
  readonly bytes: number;
  /** Of the pixels, three bytes each; null for a tokenizer of latents. */
  readonly rawBytes: number | null;
  readonly bitsPerPixel: number | null;
  readonly stages: Partial<Record<Stage, StageImage>>;
  readonly map: DecodedImage | null;
  /** dB; undefined until they are known. */
  readonly psnr: number | undefined;
  readonly vaePsnr: number | undefined;
  /** Results of the build stand in for some that are not computed yet. */
  readonly preliminary: boolean;
}

/** @param opened null while the bundled tokenizer loads: then everything is of the build */
export function storyOf(state: ViewerState, opened: OpenedTokenizer | null): Story | null {
  const paint = paintOf(state, opened);
  if (!opened) return paint && { ...sizes(paint.tokens, paint.bits, paint.side), ...paintResults(paint, {}) };
  const { description, encoded } = opened;
  const base = sizes(description.layout.count, description.bitsPerImage, description.config.imageSize);
  const stages: Partial<Record<Stage, StageImage>> = {};
  for (const stage of ["original", "vae", "quantized", "rectified"] as const) {
    const shown = stageImage(encoded, stage);
    if (shown) stages[stage] = shown;
  }
  if (paint && !(stages.rectified && stages.vae)) return { ...base, ...paintResults(paint, stages) };
  return {
    ...base,
    stages,
    map: encoded?.report?.map ?? null,
    psnr: stages.rectified?.metrics?.psnr,
    vaePsnr: stages.vae?.metrics?.psnr,
    preliminary: false,
  };
}

function sizes(
  tokens: number,
  bits: number,
  side: number | null,
): Pick<Story, "tokens" | "bytes" | "rawBytes" | "bitsPerPixel"> {
  return {
    tokens,
    bytes: bits / 8,
    rawBytes: side === null ? null : side * side * 3,
    bitsPerPixel: side === null ? null : bits / side ** 2,
  };
}

/** The build's results, if they are of this image and nothing has been edited. */
function paintOf({ paint, images, image }: ViewerState, opened: OpenedTokenizer | null): ViewerState["paint"] {
  if (!paint) return null;
  const shown = images.find(({ id }) => id === image);
  if (shown && (shown.origin !== "sample" || shown.name !== paint.image)) return null;
  if (!opened) return paint;
  const { encoded, problem } = opened;
  const waiting = encoded === null || (encoded.image !== null && opened.busy);
  return waiting && !problem && !encoded?.edited ? paint : null;
}

function paintResults(
  paint: NonNullable<ViewerState["paint"]>,
  computed: Story["stages"],
): Pick<Story, "stages" | "map" | "psnr" | "vaePsnr" | "preliminary"> {
  const built = (image: DecodedImage): StageImage => ({ image, metrics: null });
  return {
    stages: { original: built(paint.original), rectified: built(paint.rectified), ...computed },
    map: paint.map,
    psnr: computed.rectified?.metrics?.psnr ?? paint.psnr,
    vaePsnr: computed.vae?.metrics?.psnr ?? paint.vaePsnr,
    preliminary: true,
  };
}

/** "Your photo as 1,024 tokens: 1.25 KB instead of 192 KB" */
export function headline({ tokens, bytes, rawBytes }: Story): string {
  const instead = rawBytes === null ? "" : ` instead of ${size(rawBytes)}`;
  return `Your photo as ${whole(tokens)} tokens: ${size(bytes)}${instead}`;
}

/** How many times smaller the ids are than the pixels: "154" or "12.8". */
export function timesSmaller({ bytes, rawBytes }: Story): string | null {
  if (rawBytes === null || bytes === 0) return null;
  const ratio = rawBytes / bytes;
  return ratio < 20 ? ratio.toFixed(1) : whole(ratio);
}

/** The document's title for a state: what is on screen, then the program. */
export function titleOf(state: ViewerState): string {
  const opened = state.a.status === "ready" ? (openedOf(state, state.active) ?? state.a) : null;
  const image = state.images.find(({ id }) => id === state.image);
  if (state.tab === "curves") return "Curves · revq";
  if (!opened) {
    const story = storyOf(state, null);
    return story ? `${headline(story)} · revq` : "revq viewer";
  }
  const { name, layout } = opened.description;
  const tokens = `${image?.name ?? "Your photo"} as ${whole(layout.count)} tokens`;
  const of = {
    image: tokens,
    tokens: `Tokens of ${image?.name ?? "pasted ids"}`,
    codebooks: "Codebooks",
    compare: "Compare",
  };
  return `${of[state.tab]} · ${name} · revq`;
}
