/** Ids in a shard of WebDataset: members `.ids.npy` or `.npy`; names in `.json`. */
import type { ByteSource } from "@revq/core";
import { indexTar, readNpy, type TarMember } from "@revq/formats";
import { fromFile } from "@revq/formats/node";
import { malformed, nameOfCrop, type ReadSamples } from "./tokens-file.js";

interface Sample {
  ids?: TarMember;
  json?: TarMember;
}

export const readTarSamples: ReadSamples = async (path, { limit }) => {
  const source = await fromFile(path);
  try {
    const samples = new Map<string, Sample>();
    for await (const member of indexTar(source)) {
      const [, key, extension] = /^((?:.*\/)?[^./]+)\.([^/]*)$/.exec(member.name) ?? [];
      if (key === undefined) continue;
      if (samples.size === limit && !samples.has(key)) break;
      const sample = samples.get(key) ?? {};
      samples.set(key, sample);
      if (extension === "ids.npy" || (extension === "npy" && !sample.ids)) sample.ids = member;
      if (extension === "json") sample.json = member;
    }
    const ids: ArrayLike<number | bigint>[] = [];
    const names: (string | null)[] = [];
    for (const [key, sample] of samples) {
      if (!sample.ids) continue;
      ids.push((await readNpy(await bytesOf(source, sample.ids), `${path}, ${sample.ids.name}`)).data);
      names.push(sample.json ? nameOf(new TextDecoder().decode(await bytesOf(source, sample.json))) : key);
    }
    if (ids.length === 0) throw malformed(path, "no member ends with .ids.npy");
    return { ids, names };
  } finally {
    await source.close?.();
  }
};

function bytesOf(source: ByteSource, { offset, size }: TarMember): Promise<Uint8Array> {
  return source.read(offset, size);
}

function nameOf(text: string): string | null {
  try {
    const { key, crop } = JSON.parse(text) as { key?: unknown; crop?: unknown };
    return nameOfCrop(typeof key === "string" ? key : null, typeof crop === "number" ? crop : null);
  } catch {
    return null;
  }
}
