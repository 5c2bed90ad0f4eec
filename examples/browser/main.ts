/** Everything runs in the visitor's browser: the image is not sent anywhere. */
import { linear } from "@revq/backbone-linear";
import { createEngine } from "@revq/engine";
import { multigroup } from "@revq/quantizer-multigroup";
import { efficientvit } from "@revq/rectifier-efficientvit";
import { identity } from "@revq/rectifier-identity"; // training may keep it
import { Tokenizer } from "@revq/tokenizer";
import * as transforms from "@revq/transform-block";

const input = document.querySelector("input")!;
const status = document.querySelector("p[role=status]")!;
const canvas = document.querySelector("canvas")!;
const output = document.querySelector("pre")!;

const engine = await createEngine({ wasmPath: "wasm/" });
const plugins = [linear, ...Object.values(transforms), multigroup, efficientvit, identity];
const tokenizer = await Tokenizer.load(new URL("tokenizer", document.baseURI).href, { plugins });
status.textContent = `Computing on ${engine.description}.`;
input.disabled = false;

input.onchange = async () => {
  const file = input.files?.[0];
  if (!file) return;
  status.textContent = "Working …";
  try {
    const image = await pixelsOf(file);
    const ids = await tokenizer.encode(image, { tile: true });
    const [again] = await tokenizer.decode(ids, image);
    canvas.width = again!.width;
    canvas.height = again!.height;
    canvas.getContext("2d")!.putImageData(new ImageData(again!.data, again!.width, again!.height), 0, 0);
    output.textContent = ids.join(" ");
    status.textContent = `${image.width} x ${image.height} pixels are ${ids.length} ids.`;
  } catch (error) {
    status.textContent = String(error);
  }
};

async function pixelsOf(file: File): Promise<ImageData> {
  const bitmap = await createImageBitmap(file);
  const drawn = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
  drawn.drawImage(bitmap, 0, 0);
  return drawn.getImageData(0, 0, bitmap.width, bitmap.height);
}
