/**
 * Files beside the page: its samples, and the files of `revq view` (`view.json`; on other hosts the
 * page's own, which names none).
 */
import type { ImageEntry, Served } from "./state.js";

export interface ServedFiles extends Served {
  readonly images: readonly ImageEntry[];
}

/** As the server of `revq view` writes it; URLs are relative to the page. */
interface ViewJson {
  readonly tokenizers: readonly {
    readonly name: string;
    readonly url: string;
    readonly weights: { readonly url: string; readonly files: readonly string[] } | null;
    readonly decoderWeights?: { readonly url: string; readonly files: readonly string[] } | null;
  }[];
  readonly images: readonly { readonly name: string; readonly url: string }[];
  /** The file of the built page itself: no `revq view` is behind it. */
  readonly hosted?: boolean;
}

export async function readServed(): Promise<ServedFiles> {
  const view = await json<ViewJson>("view.json");
  if (!view) return { local: false, tokenizers: [], images: [] };
  const absolute = (url: string): string => new URL(url, document.baseURI).href;
  return {
    local: view.hosted !== true,
    tokenizers: view.tokenizers.map(({ name, url, weights, decoderWeights }) => ({
      kind: "url",
      name,
      url: absolute(url),
      weights: weights && { url: absolute(weights.url), files: weights.files },
      ...(decoderWeights ? { decoderWeights: { url: absolute(decoderWeights.url), files: decoderWeights.files } } : {}),
    })),
    images: view.images.map(({ name, url }) => ({
      id: `served-${name}`,
      name,
      url: absolute(url),
      blob: null,
      origin: "served",
      credit: null,
      featured: true,
    })),
  };
}

export async function samplesOf(): Promise<ImageEntry[]> {
  const samples =
    await json<readonly { name: string; source: string; license: string; featured: boolean }[]>("samples.json");
  return (samples ?? []).map(({ name, source, license, featured }) => ({
    id: `sample-${name}`,
    name,
    url: new URL(`samples/${name}`, document.baseURI).href,
    blob: null,
    origin: "sample",
    credit: `${source} (${license})`,
    featured,
  }));
}

/** Null when there is no such file; a host may answer with a page of its own. */
async function json<T>(path: string): Promise<T | null> {
  try {
    const response = await fetch(new URL(path, document.baseURI));
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null;
  }
}
