/** The latents of a run on disk (`run/latents/*.npy`, float32 [n,c,h,w]), with what they were made from: a resumed run does not encode again. */
import { toNamedArrays, type Backbone, type LatentSource, type NamedArray } from "@revq/core";
import { openLatentsNpy, writeLatentsNpy } from "@revq/data";
import { openSafetensors, writeSafetensors } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { mkdir, readFile } from "node:fs/promises";
import type { RunFolder } from "./run-folder.js";

export interface LatentManifest {
  readonly backbone: {
    readonly id: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly fingerprint: string;
  };
  readonly imageSize: number;
  readonly train: { readonly source: string; readonly images: number };
  readonly val: { readonly source: string; readonly images: number };
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly seconds: number;
}

export interface CachedLatents {
  readonly manifest: LatentManifest;
  readonly train: LatentSource;
  readonly val: LatentSource;
}

export class LatentCache {
  constructor(private readonly folder: RunFolder) {}

  async write(manifest: LatentManifest, train: LatentSource, val: LatentSource): Promise<void> {
    await mkdir(this.folder.path("run", "latents"), { recursive: true });
    await writeLatentsNpy(this.folder.path("run", "latents", "train.npy"), train);
    await writeLatentsNpy(this.folder.path("run", "latents", "val.npy"), val);
    await this.folder.write("run/latents/manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  }

  /** What an earlier start of this run left, or null. The manifest is written last: without it the latents are not whole. */
  async read(): Promise<CachedLatents | null> {
    const text = await readFile(this.folder.path("run", "latents", "manifest.json"), "utf8").catch(() => null);
    if (text === null) return null;
    return {
      manifest: JSON.parse(text) as LatentManifest,
      train: await openLatentsNpy(this.folder.path("run", "latents", "train.npy")),
      val: await openLatentsNpy(this.folder.path("run", "latents", "val.npy")),
    };
  }

  /** A fitted backbone's tensors, so that a resumed run has the same one. */
  async writeBackbone(backbone: Backbone): Promise<void> {
    const arrays = await toNamedArrays(backbone.state());
    const entries = Object.entries(arrays).map(([name, { shape, data }]) => ({ name, shape, data }));
    await this.folder.write("run/latents/backbone.safetensors", writeSafetensors(entries));
  }

  async readBackbone(): Promise<Record<string, NamedArray> | null> {
    const source = await fromFile(this.folder.path("run", "latents", "backbone.safetensors")).catch(() => null);
    if (!source) return null;
    const file = await openSafetensors(source);
    const arrays: Record<string, NamedArray> = {};
    for (const name of file.tensors.keys()) arrays[name] = await file.readFloat32(name);
    await source.close?.();
    return arrays;
  }
}
