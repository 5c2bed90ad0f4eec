/** Reads the mean and the standard deviation of every latent element, as in the authors' preprocessor.pth. */
import { latentSize, RevqError, type LatentShape } from "@revq/core";
import { openTensorFile, readNpyFloat32 } from "@revq/formats";
import { fromFile } from "@revq/formats/node";

/** `[c, h, w]` flat, the order of files. */
export interface ChannelFirstStatistics {
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

/**
 * `.pth` or `.safetensors` with tensors `mean` and `std` of c*h*w elements, or `.npy` `[2, c*h*w]`: means, then deviations.
 * Throws `import-stats`.
 */
export async function readStatistics(path: string, shape: LatentShape): Promise<ChannelFirstStatistics> {
  const size = latentSize(shape);
  const refuse = (problem: string): RevqError =>
    new RevqError("import-stats", `${path} does not hold the statistics of these latents: ${problem}.`, {
      fix: `Use a file with mean and std of ${size} elements each (c, h, w), as .pth, .safetensors or .npy [2, ${size}].`,
    });
  const { mean, std } = path.endsWith(".npy") ? await fromNpy(path, refuse) : await fromTensors(path, refuse);
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length !== size) throw refuse(`${name} has ${values.length} elements, the latent ${size}`);
    if (!values.every(Number.isFinite)) throw refuse(`${name} holds values that are not finite`);
  }
  if (!std.every((value) => value > 0)) throw refuse("a standard deviation is not above 0");
  return { mean, std };
}

async function fromNpy(path: string, refuse: (problem: string) => RevqError): Promise<ChannelFirstStatistics> {
  const { shape, data } = await readNpyFloat32(await fromFile(path));
  if (shape[0] !== 2) throw refuse(`it has shape [${shape}]`);
  return { mean: data.slice(0, data.length / 2), std: data.slice(data.length / 2) };
}

async function fromTensors(path: string, refuse: (problem: string) => RevqError): Promise<ChannelFirstStatistics> {
  const file = await openTensorFile(await fromFile(path));
  const read = async (name: "mean" | "std"): Promise<Float32Array> => {
    const names = [...file.tensors.keys()];
    const found = names.find((one) => one === name) ?? names.find((one) => one.endsWith(`.${name}`));
    if (found === undefined)
      throw refuse(`it has no tensor "${name}" (it has ${names.slice(0, 6).join(", ") || "none"})`);
    return (await file.readFloat32(found)).data;
  };
  return { mean: await read("mean"), std: await read("std") };
}
