/** Reads a repository of the hub by byte ranges, for browsers, which have no cache on disk. */
import type { ByteSource, WeightsSource } from "@revq/core";
import { fromUrl } from "../bytes/from-url.js";
import type { OpenWeightsOptions } from "../weights-options.js";
import {
  authorizedFetch,
  defaultEndpoint,
  fileBeside,
  fileUrl,
  noSuchFile,
  readRepository,
  selectFiles,
  type HubFile,
} from "./repository.js";
import { parseHubSpec } from "./spec.js";

/** Requests the list of files immediately. The contents are fetched as they are read. */
export async function openHubRemotely(text: string, options: OpenWeightsOptions = {}): Promise<WeightsSource> {
  const spec = parseHubSpec(text);
  const access = {
    endpoint: (options.environment?.["HF_ENDPOINT"] ?? defaultEndpoint).replace(/\/+$/, ""),
    token: options.environment?.["HF_TOKEN"],
    fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
  };
  const { commit, files } = await readRepository(spec, access, options.signal);
  const selected = selectFiles(spec, files);
  const openFile = ({ path }: HubFile): Promise<ByteSource> =>
    fromUrl(fileUrl(access, spec.repository, commit, path), {
      fetch: authorizedFetch(access),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  return {
    spec: text,
    list: async () => [...selected.keys()].sort(),
    open: async (name) => {
      const file = selected.get(name);
      if (!file) throw noSuchFile(spec, name, [...selected.keys()]);
      return openFile(file);
    },
    async beside(name) {
      const file = fileBeside(spec, name, files);
      return file && openFile(file);
    },
  };
}
