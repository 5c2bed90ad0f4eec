/**
 * The worker computes everything for the page. It starts the engine, holds the open tokenizers and
 * answers calls.
 */
import { RevqError } from "@revq/core";
import { createEngine, type Engine } from "@revq/engine";
import { checkIds, configFile, modelFile } from "@revq/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import type { DeviceLost, EngineRequest, EngineStatus, Slot } from "../protocol/messages.js";
import { serve, type ServerPort } from "../protocol/server.js";
import { readCodebook } from "./codebook.js";
import { groupMaps } from "./group-maps.js";
import { openTokenizer } from "./open-tokenizer.js";
import { decodeIds, encodeImage, type OpenSlot } from "./run.js";
import { readAhead } from "./sources/weights-sources.js";

// The page's content security policy forbids making code from text, which zod would do for speed.
z.config({ jitless: true });

/** Engines that exist in browsers; the others are no news to anyone. */
const browserEngines: readonly string[] = ["webgpu", "wasm", "cpu"];

let engine: Engine | undefined;
const open = new Map<Slot, OpenSlot>();

serve(self as unknown as ServerPort, {
  check,
  async ahead({ url }) {
    readAhead(url, [configFile, modelFile]);
    return null;
  },
  async load({ slot, source }, { signal, emit }) {
    close(slot);
    const { tokenizer, description } = await openTokenizer(source, { signal, onProgress: emit });
    if (signal.aborted) tokenizer.dispose();
    signal.throwIfAborted();
    open.set(slot, {
      tokenizer,
      description,
      original: null,
      exact: null,
      decoded: null,
      basis: null,
      groupMeans: new Map(),
    });
    return description;
  },
  async unload({ slot }) {
    close(slot);
    return null;
  },
  encode: (request, context) => encodeImage(slotOf(request.slot), request, context),
  decode: (request, context) => decodeIds(slotOf(request.slot), request, context),
  maps({ slot, ids, groups }) {
    const { tokenizer, groupMeans } = slotOf(slot);
    checkIds(ids, tokenizer.layout);
    return groupMaps(tokenizer.parts, ids, groups, groupMeans);
  },
  codebook({ slot, group }, { signal }) {
    const { tokenizer, description } = slotOf(slot);
    return readCodebook(tokenizer.parts, description.footprints, group, signal);
  },
  async memory() {
    const { numTensors, numBytes } = tf.memory();
    return { tensors: numTensors, tensorBytes: numBytes };
  },
});

async function check({ engine: wanted, wasmPath }: EngineRequest): Promise<EngineStatus> {
  engine?.dispose();
  engine = await createEngine({ engine: wanted, wasmPath });
  watchDevice();
  return {
    id: engine.id,
    description: engine.description.replace(/^\w+: /, ""),
    refused: engine.refused.filter(({ id }) => browserEngines.includes(id)).map(({ id, reason }) => ({ id, reason })),
    isolated: globalThis.crossOriginIsolated,
  };
}

/** A driver may drop a device at any time; nothing of this engine works then. */
function watchDevice(): void {
  const { device } = tf.backend() as { readonly device?: GPUDevice };
  void device?.lost?.then(({ reason, message }) => {
    if (reason !== "destroyed") self.postMessage({ kind: "device-lost", reason: message } satisfies DeviceLost);
  });
}

function close(slot: Slot): void {
  open.get(slot)?.tokenizer.dispose();
  open.delete(slot);
}

function slotOf(slot: Slot): OpenSlot {
  const found = open.get(slot);
  if (found) return found;
  throw new RevqError("no-tokenizer", "No tokenizer is open.", { fix: "Open one first." });
}
