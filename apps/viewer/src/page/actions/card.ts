/** A card to post: the original, its tokens, the image from the tokens, and the numbers. 1200 x 630, a PNG. */
import { RevqError } from "@revq/core";
import type { DecodedImage } from "@revq/tokenizer";
import type { Slot } from "../../protocol/messages.js";
import type { App } from "../app.js";
import { canvasOf } from "../elements/image-canvas.js";
import { decibels, fixed, size, whole } from "../format.js";
import { openedOf } from "../state.js";
import { storyOf, timesSmaller, type Story } from "../story.js";
import { nameOf, save, stem } from "./downloads.js";

export const cardSize = { width: 1200, height: 630 } as const;
const side = 376;
const gap = 18;

/** The two lines of the card. */
export function cardText(story: Story): { title: string; facts: string } {
  const times = timesSmaller(story);
  const parts = [
    story.rawBytes === null ? size(story.bytes) : `${size(story.bytes)} instead of ${size(story.rawBytes)}`,
    ...(times === null ? [] : [`${times} × smaller`]),
    ...(story.psnr === undefined ? [] : [`${decibels(story.psnr)} dB`]),
    ...(story.bitsPerPixel === null ? [] : [`${fixed(story.bitsPerPixel, 3)} bits per pixel`]),
  ];
  return { title: `A photo as ${whole(story.tokens)} tokens`, facts: parts.join(" · ") };
}

/** Left edges of the three pictures; the same gap everywhere. */
export function cardLefts(): number[] {
  return [0, 1, 2].map((at) => gap + at * (side + gap));
}

/** @throws RevqError `nothing-yet` before there is a result */
export async function saveCard(app: App, slot: Slot): Promise<void> {
  const story = storyOf(app.store.state, openedOf(app.store.state, slot));
  const pictures: readonly (readonly [string, DecodedImage | null | undefined])[] = [
    ["original", story?.stages.original?.image],
    ["its tokens", story?.map],
    ["from the tokens", story?.stages.rectified?.image],
  ];
  if (!story?.map || !story.stages.rectified) {
    throw new RevqError("nothing-yet", "There is no result yet.", { fix: "Choose an image first." });
  }
  const canvas = new OffscreenCanvas(cardSize.width, cardSize.height);
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#f5f6f8";
  context.fillRect(0, 0, cardSize.width, cardSize.height);
  context.fillStyle = "#14181f";
  const { title, facts } = cardText(story);
  context.font = "700 52px ui-sans-serif, system-ui, sans-serif";
  context.fillText(title, gap, 84);
  context.font = "30px ui-sans-serif, system-ui, sans-serif";
  context.fillText(facts, gap, 140, cardSize.width - 2 * gap);
  context.font = "26px ui-sans-serif, system-ui, sans-serif";
  context.textAlign = "center";
  for (const [at, [label, image]] of pictures.entries()) {
    const left = cardLefts()[at]!;
    if (!image) continue;
    context.imageSmoothingEnabled = image.width > 64;
    context.imageSmoothingQuality = "high";
    context.drawImage(canvasOf(image), left, 180, side, side);
    context.fillText(label, left + side / 2, 600);
  }
  save(await canvas.convertToBlob({ type: "image/png" }), `${stem(nameOf(app))}-card.png`);
}
