// An image to ids and back: node round-trip.mjs TOKENIZER IMAGE OUT.png
import { Tokenizer } from "@revq/tokenizer";
import sharp from "sharp";

const [folder, image, out] = process.argv.slice(2);
if (!out) throw new Error("Usage: node round-trip.mjs TOKENIZER IMAGE OUT.png");

const tokenizer = await Tokenizer.load(folder);
const { data, info } = await sharp(image)
  .removeAlpha()
  .toColourspace("srgb")
  .raw()
  .toBuffer({ resolveWithObject: true });
const ids = await tokenizer.encode({ data, width: info.width, height: info.height }, { tile: true });
const [again] = await tokenizer.decode(ids, info); // the ids do not contain the image's size
await sharp(again.data, { raw: { width: again.width, height: again.height, channels: 4 } }).toFile(out);
tokenizer.dispose();

const bits = (ids.length / tokenizer.layout.count) * tokenizer.bitsPerImage;
console.log(`${info.width} x ${info.height} pixels, ${ids.length} ids, ${(bits / 8).toFixed(0)} bytes`);
console.log(`the first ten: ${[...ids.subarray(0, 10)].join(" ")}`);
