/** Copies the sample images into class folders: one class a photograph. Every seventh crop of each is held out. */
import { sampleImages } from "@revq/sample-images";
import { cp, mkdir } from "node:fs/promises";

const seen = new Map();
for (const { name, url, photograph } of sampleImages) {
  const crop = seen.get(photograph) ?? 0;
  seen.set(photograph, crop + 1);
  const folder = `photos/${crop % 7 === 6 ? "held-out" : "train"}/${photograph}`;
  await mkdir(folder, { recursive: true });
  await cp(url, `${folder}/${name}`);
}
console.log(`${seen.size} classes, ${sampleImages.length} images`);
