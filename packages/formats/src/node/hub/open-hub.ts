/**
 * A repository of the hub as a source of weights. Only files that are opened are downloaded, into
 * the shared cache.
 */
import { RevqError, type ByteSource, type WeightsSource } from "@revq/core";
import {
  fileBeside,
  isConnectionError,
  noSuchFile,
  readRepository,
  selectFiles,
  type HubFile,
  type HubRepository,
} from "../../hub/repository.js";
import { parseHubSpec, type HubSpec } from "../../hub/spec.js";
import type { OpenWeightsOptions } from "../../weights-options.js";
import { fromFile } from "../from-file.js";
import { RepositoryCache } from "./cache.js";
import { downloadFile, type Download } from "./download.js";
import { hubSettings, type HubSettings } from "./settings.js";

interface OpenHubOptions extends OpenWeightsOptions {
  readonly pause?: Download["pause"];
}

/**
 * Without a connection the copy of the revision in the cache is used.
 * @throws RevqError `hub-*`, `download-*`
 */
export async function openHub(text: string, options: OpenHubOptions = {}): Promise<WeightsSource> {
  const spec = parseHubSpec(text);
  const settings = await hubSettings(options.environment);
  const cache = new RepositoryCache(settings.cache, spec.repository);
  const access = { ...settings, fetch: options.fetch ?? globalThis.fetch };
  if (settings.offline) return openCached(spec, cache, settings);

  let repository: HubRepository;
  try {
    repository = await readRepository(spec, access, options.signal);
  } catch (error) {
    if (!isConnectionError(error) || !(await hasCopy(spec, cache))) throw error;
    options.note?.(`${(error as RevqError).message} Using the copy in the cache.`);
    return openCached(spec, cache, settings);
  }
  const { commit, files } = repository;
  await cache.setRevision(spec.revision, commit);
  const selected = selectFiles(spec, files);
  const { report, signal, pause } = options;
  const openFile = async (file: HubFile): Promise<ByteSource> => {
    await downloadFile({ report, signal, pause, spec, access, cache, commit, file });
    return fromFile(cache.snapshot(commit, file.path));
  };
  return {
    spec: text,
    list: async () => [...selected.keys()].sort(),
    open: async (name) => openFile(selected.get(name) ?? fail(noSuchFile(spec, name, [...selected.keys()]))),
    async beside(name) {
      const file = fileBeside(spec, name, files);
      return file && openFile(file);
    },
  };
}

async function hasCopy(spec: HubSpec, cache: RepositoryCache): Promise<boolean> {
  const commit = await cache.commitOf(spec.revision);
  return commit !== undefined && (await cache.filesOf(commit)).length > 0;
}

async function openCached(spec: HubSpec, cache: RepositoryCache, settings: HubSettings): Promise<WeightsSource> {
  const commit = await cache.commitOf(spec.revision);
  const files = commit === undefined ? [] : await cache.filesOf(commit);
  if (commit === undefined || files.length === 0) throw notCached(spec, settings);
  let selected: ReadonlyMap<string, Pick<HubFile, "path">>;
  try {
    selected = selectFiles(spec, files);
  } catch {
    throw notCached(spec, settings);
  }
  return {
    spec: spec.spec,
    list: async () => [...selected.keys()].sort(),
    async open(name) {
      const file = selected.get(name) ?? fail(notCached({ ...spec, path: name }, settings, [...selected.keys()]));
      return fromFile(cache.snapshot(commit, file.path));
    },
    async beside(name) {
      const file = fileBeside(spec, name, files);
      return file && fromFile(cache.snapshot(commit, file.path));
    },
  };
}

function notCached(spec: HubSpec, { offline, cache }: HubSettings, names?: readonly string[]): RevqError {
  const what = spec.path ? `the file ${spec.path} of ${spec.repository}` : spec.repository;
  const has = names ? ` It has ${names.join(", ")}.` : "";
  return new RevqError(
    "hub-offline",
    `${offline ? "HF_HUB_OFFLINE is set" : "The hub cannot be reached"}, and the cache ${cache} does not have ${what} at revision ${spec.revision}.${has}`,
    {
      fix: `Unset HF_HUB_OFFLINE. Or download it elsewhere (hf download ${spec.repository}) and copy the cache.`,
    },
  );
}

function fail(error: Error): never {
  throw error;
}
