/** A fitted backbone's tensors in the run folder, so that a resumed run has the same one without fitting again. */
import { toNamedArrays, type Backbone, type NamedTensors } from "@revq/core";
import { openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import type { RunFolder } from "./run-folder.js";
import { upload } from "./tensor-state.js";

const file = "run/backbone.safetensors";

export async function saveBackbone(folder: RunFolder, backbone: Backbone): Promise<void> {
  const arrays = await toNamedArrays(backbone.state());
  await folder.write(file, writeSafetensors(Object.entries(arrays).map(([name, array]) => ({ name, ...array }))));
}

/** Null when there is none that can be read: fitting is deterministic, so the backbone is fitted again. The caller disposes the tensors. */
export async function readBackbone(folder: RunFolder): Promise<NamedTensors | null> {
  try {
    const opened = await openSafetensors(await fromFile(folder.path(file)));
    const state: Record<string, ReturnType<typeof upload>> = {};
    for (const name of opened.tensors.keys()) state[name] = upload(await opened.readFloat32(name));
    return state;
  } catch {
    return null;
  }
}
