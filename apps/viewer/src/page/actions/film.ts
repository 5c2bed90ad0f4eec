/** Images as a film, by the browser's own recorder: WebM, or MP4 where there is no WebM (Safari). */
import { RevqError } from "@revq/core";
import type { DecodedImage } from "@revq/tokenizer";
import type { App } from "../app.js";
import { canvasOf } from "../elements/image-canvas.js";
import { save } from "./downloads.js";

const millisecondsAFrame = 120;
/** The last image stays, before the film starts again. */
const lastFrames = 10;

/** @throws RevqError `no-recorder` where the browser cannot record a canvas */
export async function saveFilm(app: App, frames: readonly DecodedImage[]): Promise<void> {
  const type = filmType();
  if (!type || frames.length === 0) {
    throw new RevqError("no-recorder", "This browser cannot record a film.", {
      fix: "Save single images with Save PNG.",
    });
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * frames[0]!.width;
  const context = canvas.getContext("2d")!;
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: type, videoBitsPerSecond: 4e6 });
  const parts: Blob[] = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
  recorder.start();
  const last = Array<DecodedImage>(lastFrames).fill(frames.at(-1)!);
  for (const frame of [...frames, ...last]) {
    context.drawImage(canvasOf(frame), 0, 0, canvas.width, canvas.height);
    await new Promise((resolve) => setTimeout(resolve, millisecondsAFrame));
  }
  recorder.stop();
  await stopped;
  const container = type.replace(/;.*/, "");
  save(new Blob(parts, { type: container }), `revq-reveal.${container.slice("video/".length)}`);
  app.notice("The film is saved.");
}

function filmType(): string | undefined {
  const types = ["video/webm;codecs=vp9", "video/webm", "video/mp4"];
  return types.find((type) => globalThis.MediaRecorder?.isTypeSupported(type));
}
