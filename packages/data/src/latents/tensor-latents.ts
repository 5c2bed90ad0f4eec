/**
 * Latents in files of named tensors: safetensors, and checkpoints of `torch.save`. One tensor is
 * read: the one called `latents` or alike, or the only one with four axes.
 */
import { RevqError, type LatentSource } from "@revq/core";
import {
  bytesPerElement,
  openTensorFile,
  toFloat32,
  type DType,
  type TensorFile,
  type TensorInfo,
} from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { latentsFix, latentsOfRows, type ArrayRows, type OpenLatentsOptions } from "./row-latents.js";

const usualNames = [/^latents?$/i, /^(z|samples?|mean)$/i, /(^|[._/])latents?([._/]|$)/i];
const arrays = { F16: Uint16Array, BF16: Uint16Array, F32: Float32Array, F64: Float64Array } as const;

/** @throws RevqError `latents-*` of `latentsOfRows`, and those of `openTensorFile` */
export async function openLatentsOfTensors(path: string, options: OpenLatentsOptions = {}): Promise<LatentSource> {
  const source = await fromFile(path);
  const file = await openTensorFile(source);
  const name = chooseTensor(file);
  const info = file.tensors.get(name)!;
  const array = { name: source.name, shape: info.shape, dtype: info.dtype, isFloat: info.dtype in arrays };
  if (!array.isFloat && /^(F|C)\d/.test(info.dtype)) {
    throw new RevqError("latents-dtype", `${source.name} holds ${info.dtype}; F16, BF16, F32 and F64 are read.`, {
      fix: "Convert the latents in Python: latents.to(torch.float16).",
      setting: { path: "data.latents" },
    });
  }
  if (!("strides" in info))
    return latentsOfRows({ ...array, readRows: await rowsOf(path, info as TensorInfo) }, options);
  // A tensor of a checkpoint may have any strides, so it is read whole.
  let values: Promise<Float32Array> | null = null;
  const length = info.shape.slice(1).reduce((product, size) => product * size, 1);
  return latentsOfRows(
    {
      ...array,
      async readRows(start, count) {
        values ??= file.readFloat32(name).then(({ data }) => data);
        return (await values).slice(start * length, (start + count) * length);
      },
    },
    options,
  );
}

async function rowsOf(path: string, { dtype, shape, offset }: TensorInfo): Promise<ArrayRows["readRows"]> {
  const source = await fromFile(path);
  return async (start, count) => {
    const rowBytes = shape.slice(1).reduce((product, size) => product * size, bytesPerElement(dtype as DType));
    const { buffer } = (await source.read(offset + start * rowBytes, count * rowBytes)).slice();
    return toFloat32(new arrays[dtype as keyof typeof arrays](buffer), dtype as DType);
  };
}

function chooseTensor({ name, tensors }: TensorFile): string {
  const candidates = [...tensors].filter(([, { shape }]) => shape.length === 4).map(([key]) => key);
  const all = candidates.length > 0 ? candidates : [...tensors.keys()];
  const named = usualNames.map((pattern) => all.find((key) => pattern.test(key))).find((key) => key !== undefined);
  if (named !== undefined) return named;
  if (all.length === 1) return all[0]!;
  const shown = all.slice(0, 5).join(", ") + (all.length > 5 ? ", …" : "");
  throw new RevqError(
    "latents-shape",
    `${name} has ${candidates.length || "no"} tensors of four axes${all.length ? ` (${shown})` : ""}; one called latents was expected.`,
    { fix: latentsFix },
  );
}
