/**
 * Reads PyTorch checkpoints (`.pth`, `.pt`, `.ckpt`, `.bin` of torch.save since 1.6): a zip archive
 * of a pickle and raw storages. The pickle is read as data (`unpickle.ts`), tensors by byte ranges
 * when they are needed. TorchScript and older formats are refused.
 */
import { nearestNames, RevqError, type ByteSource } from "@revq/core";
import { bytesPerElement, elementCount, toFloat32, viewAs, type DType, type TensorData } from "../dtypes.js";
import { gatherStrided } from "../strided.js";
import type { TensorFile } from "../tensor-file.js";
import { refuseHeaderless, wrongFileBytes } from "../wrong-file.js";
import { flattenTensors } from "./flatten-tensors.js";
import type { PickleValue, TensorReference } from "./pickle-values.js";
import { onlyForeignValues } from "./torch-globals.js";
import { unpickle } from "./unpickle.js";
import { readZipDirectory, type ZipEntry } from "./zip-directory.js";

export interface PthFile extends TensorFile {
  /**
   * The whole checkpoint: dicts are Maps, tuples, lists and sets are arrays, tensors are
   * `TensorReference`s, objects of other classes are `OpaqueValue`s. Lists may contain themselves.
   */
  readonly value: PickleValue;
}

/** Pickles of weights describe tensors, without their elements, in a few hundred bytes each. */
const maxPickleBytes = 16 * 1024 * 1024;

/**
 * Opens a checkpoint. A tensor's name is the path of dict keys and list indices to it, joined by
 * dots ("decoder.conv_in.weight"). Nothing in the file is executed: objects that other programs
 * keep beside the weights become opaque values.
 * @throws RevqError `pth-forbidden-global` when there are such objects and no tensor outside them;
 * `pth-legacy`, `pth-torchscript`, `pth-zip`, `pth-malformed`, `git-lfs-pointer`
 * @example
 * const refusal = await openPth(fromBuffer("weights.pth", new Uint8Array(64).fill(1))).catch((error) => error.code);
 * refusal; // => "pth-not-a-checkpoint"
 */
export async function openPth(source: ByteSource): Promise<PthFile> {
  const { name } = source;
  const start = await source.read(0, Math.min(source.size, wrongFileBytes));
  refuseHeaderless(name, start);
  refuseOtherPickles(name, start);
  const entries = await readZipDirectory(source);
  const pickleName = [...entries.keys()].find((entry) => /^[^/]+\/data\.pkl$/.test(entry));
  const pickleEntry = pickleName === undefined ? undefined : entries.get(pickleName);
  if (pickleName === undefined || !pickleEntry) {
    throw new RevqError("pth-no-pickle", `${name} is a zip archive without data.pkl, so torch.save did not write it.`, {
      fix: "Name the checkpoint file itself.",
    });
  }
  const root = pickleName.slice(0, -"data.pkl".length);
  if (entries.has(`${root}constants.pkl`)) {
    throw new RevqError("pth-torchscript", `${name} is a TorchScript program, not a checkpoint of weights.`, {
      fix: "In Python: torch.save(torch.jit.load(PATH).state_dict(), NEW_PATH).",
    });
  }
  const byteOrder = entries.get(`${root}byteorder`);
  if (byteOrder && new TextDecoder().decode(await content(source, byteOrder, 16)).trim() !== "little") {
    throw new RevqError("pth-big-endian", `${name} was written on a big-endian machine.`, {
      fix: "Save it again on a little-endian machine.",
    });
  }
  const { value, foreign } = unpickle(await content(source, pickleEntry, maxPickleBytes), name);
  const tensors = flattenTensors(value, name);
  if (tensors.size === 0 && foreign !== undefined) throw onlyForeignValues(foreign, name);

  const read = async (tensor: string): Promise<{ shape: readonly number[]; data: TensorData; dtype: DType }> => {
    const found = tensors.get(tensor);
    if (!found) {
      const near = nearestNames(tensor, [...tensors.keys()]);
      throw new RevqError("pth-unknown-tensor", `${name} has no tensor "${tensor}".`, {
        fix: near.length
          ? `Did you mean ${near.map((one) => `"${one}"`).join(" or ")}?`
          : "Is it the file of another model?",
      });
    }
    const entry = entries.get(`${root}data/${found.storage.key}`);
    const data = await readTensor(source, entry, found, tensor);
    return { shape: found.shape, data, dtype: found.dtype };
  };
  return {
    name,
    value,
    tensors,
    async read(tensor) {
      const { shape, data } = await read(tensor);
      return { shape, data };
    },
    async readFloat32(tensor) {
      const { shape, data, dtype } = await read(tensor);
      return { shape, data: toFloat32(data, dtype) };
    },
  };
}

/** Files that torch.save wrote before 1.6, and bare pickles. */
function refuseOtherPickles(name: string, start: Uint8Array): void {
  if (start[0] === 0x50 && start[1] === 0x4b) return;
  const pickle = start[0] === 0x80 && start[1]! <= 5;
  throw new RevqError(
    pickle ? "pth-legacy" : "pth-not-a-checkpoint",
    pickle
      ? `${name} is a bare pickle, as torch.save wrote before 1.6. Such files are not opened.`
      : `${name} is not a PyTorch checkpoint: it ${start.length === 0 ? "is empty" : "does not begin as a zip archive"}.`,
    {
      fix: pickle
        ? "If you trust the file, convert it in Python: torch.save(torch.load(PATH, weights_only=True), NEW_PATH)."
        : "Name a file of torch.save, or safetensors.",
    },
  );
}

async function content(source: ByteSource, entry: ZipEntry, limit: number): Promise<Uint8Array> {
  if (entry.size > limit) {
    throw new RevqError("pth-too-large", `${source.name}: its pickle has ${entry.size} bytes; the limit is ${limit}.`, {
      fix: "Save the weights only: torch.save(model.state_dict(), PATH).",
    });
  }
  return source.read(await entry.offset(), entry.size);
}

/** The tensor's elements as a new row-major array. */
async function readTensor(
  source: ByteSource,
  entry: ZipEntry | undefined,
  tensor: TensorReference,
  path: string,
): Promise<TensorData> {
  const { dtype, shape, strides, offset, storage } = tensor;
  const width = bytesPerElement(dtype);
  const storageBytes = storage.size * (storage.dtype ? width : 1);
  if (!entry || entry.size < storageBytes) {
    throw new RevqError(
      "pth-storage",
      `${source.name}: the data of "${path}" are missing: ${entry ? `${entry.size} bytes of ${storageBytes}` : `no data/${storage.key}`}.`,
      { fix: "The file is damaged or truncated. Get it again." },
    );
  }
  const count = elementCount(shape)!;
  const span = count === 0 ? 0 : shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0) + 1;
  const bytes = await source.read((await entry.offset()) + offset * width, span * width);
  const data = viewAs(bytes.slice(), dtype);
  return isContiguous(shape, strides) ? data : gatherStrided(data, shape, strides);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
