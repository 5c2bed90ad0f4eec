/** Converts images and latents between PyTorch's layout, float32 `.npy` `[n, c, h, w]`, and tensors `[n, h, w, c]`. */
import { RevqError } from "@revq/core";
import { readNpyFloat32, writeNpy } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";

export interface Planes {
  readonly shape: readonly [n: number, channels: number, height: number, width: number];
  readonly data: Float32Array;
}

/** Throws `npy-planes-shape`, and the errors of the file. @param what for messages: "images [n, 3, H, W]" */
export async function readPlanes(path: string, what: string): Promise<Planes> {
  const { shape, data } = await readNpyFloat32(await fromFile(path));
  if (shape.length === 4) return { shape: shape as unknown as Planes["shape"], data };
  throw new RevqError("npy-planes-shape", `${path} has shape [${shape}], expected ${what}.`, {
    fix: "In Python: numpy.save(PATH, tensor.float().cpu().numpy()), with the batch axis.",
  });
}

export async function writePlanes(path: string, { shape, data }: Planes): Promise<void> {
  await writeFileAtomic(path, writeNpy({ shape, data }));
}

/** Applies `run` batch by batch. All results have one shape. Throws `npy-planes-empty`. */
export async function mapPlanes(
  { shape: [n, channels, height, width], data }: Planes,
  batch: number,
  run: (part: tf.Tensor4D) => Promise<tf.Tensor4D>,
  onDone: (done: number) => void,
): Promise<Planes> {
  const each = channels * height * width;
  let result: Planes | undefined;
  for (let start = 0; start < n; start += batch) {
    const count = Math.min(batch, n - start);
    const values = data.slice(start * each, (start + count) * each);
    const part = tf.tidy(() => tf.transpose(tf.tensor4d(values, [count, channels, height, width]), [0, 2, 3, 1]));
    const output = await run(part);
    const first = tf.transpose(output, [0, 3, 1, 2]);
    const [, c, h, w] = first.shape;
    result ??= { shape: [n, c, h, w], data: new Float32Array(n * c * h * w) };
    result.data.set((await first.data()) as Float32Array, start * c * h * w);
    tf.dispose([part, output, first]);
    onDone(start + count);
  }
  if (result) return result;
  throw new RevqError("npy-planes-empty", "The file holds an empty batch.", { fix: "Save at least one array." });
}
