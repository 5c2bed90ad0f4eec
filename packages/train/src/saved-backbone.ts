/** A fitted backbone's tensors beside what it encoded, so that whoever goes on with it has the same one without fitting again. */
import { isFittable, toNamedArrays, type Backbone, type FitContext, type NamedTensors } from "@revq/core";
import type { IndexedImageSource } from "@revq/data";
import { openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import * as tf from "@tensorflow/tfjs-core";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { upload } from "./tensor-state.js";

export const savedBackboneFile = "backbone.safetensors";

/**
 * The backbone itself when nothing is to be fitted; else the one that `path` keeps, or one that is fitted now and kept there.
 * @param create makes it out of a state; `backbone` is then disposed
 */
export async function fittedBackbone(
  backbone: Backbone,
  images: IndexedImageSource,
  path: string,
  context: FitContext,
  create: (state: NamedTensors) => Promise<Backbone>,
): Promise<Backbone> {
  if (!isFittable(backbone) || backbone.fitted) return backbone;
  const state = await readBackbone(path);
  if (state) {
    backbone.dispose();
    const same = await create(state);
    tf.dispose(Object.values(state));
    return same;
  }
  await backbone.fit(images, context);
  const arrays = await toNamedArrays(backbone.state());
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, writeSafetensors(Object.entries(arrays).map(([name, array]) => ({ name, ...array }))));
  return backbone;
}

/** Null when there is none that can be read: fitting is deterministic, so it can be fitted again. The caller disposes the tensors. */
export async function readBackbone(path: string): Promise<NamedTensors | null> {
  try {
    const opened = await openSafetensors(await fromFile(path));
    const state: Record<string, tf.Tensor> = {};
    for (const name of opened.tensors.keys()) state[name] = upload(await opened.readFloat32(name));
    return state;
  } catch {
    return null;
  }
}
