/**
 * The state of a run as data: one safetensors file per checkpoint, its JSON part in the header's
 * metadata. A run goes on from the newest readable file; a damaged one is reported and skipped.
 */
import {
  isRevqError,
  RevqError,
  type FitCheckpoints,
  type NamedArray,
  type NamedArrays,
  type SavedFit,
} from "@revq/core";
import { fromFile, writeFileAtomic } from "@revq/formats/node";
import { openSafetensors, writeSafetensors } from "@revq/formats";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { EpochRecord, PassRecord, PhaseName, PictureModelName, PictureRecord } from "./records.js";
import { changesBetween, effectOf, refuseChanges } from "./setting-changes.js";

/** Where the picture stage stands. */
export interface PictureProgress {
  /** Index of the phase. */
  readonly phase: number;
  /** Finished steps of the phase. */
  readonly step: number;
  /** Steps that each phase takes in all. */
  readonly steps: Readonly<Partial<Record<PhaseName, number>>>;
  readonly records: readonly PictureRecord[];
  /** The best model of the records. */
  readonly kept: PictureModelName;
  readonly seconds: number;
}

export interface Checkpoint {
  /** What must be the same for the run to go on: settings without paths, and hashes of the data. */
  readonly run: Readonly<Record<string, unknown>>;
  readonly passes: readonly PassRecord[];
  readonly epochs: readonly EpochRecord[];
  /** Finished steps of the epoch that was not finished. */
  readonly stepsIntoEpoch: number;
  readonly seconds: { readonly fitCodebooks: number; readonly trainRectifier: number };
  /** Null or absent before the picture stage. */
  readonly pictures?: PictureProgress | null;
  /**
   * The recipe's state: `quantizer.*`, `rectifier.*`, `optimizer.*`; of `kmeans` also `average.*`,
   * `best.*`; of `paper` `counts`; of the picture stage `pictures.*`.
   */
  readonly arrays: NamedArrays;
}

const metadataKey = "revq.checkpoint";
const fitFile = "fit.safetensors";
const pattern = /^step-(\d{8})\.safetensors$/;

export class CheckpointStore {
  constructor(
    private readonly folder: string,
    private readonly keep: number,
    private readonly note: (line: string) => void,
  ) {}

  /**
   * Throws `training-diverged` when a value is not finite; the earlier files then stay.
   * @param step grows from checkpoint to checkpoint
   */
  async save(step: number, checkpoint: Checkpoint): Promise<void> {
    requireFiniteArrays(checkpoint, step);
    await mkdir(this.folder, { recursive: true });
    await this.write(step, checkpoint);
    await rm(join(this.folder, fitFile), { force: true }); // the codebooks are in this one
    const files = await this.files();
    for (const name of files.slice(this.keep)) await rm(join(this.folder, name), { force: true });
  }

  /** Makes this the newest checkpoint: removes those of later steps. */
  async goBack(step: number, checkpoint: Checkpoint): Promise<void> {
    const name = await this.write(step, checkpoint);
    const later = (await this.files()).filter((other) => other > name);
    for (const other of later.toReversed()) await rm(join(this.folder, other), { force: true });
  }

  private async write(step: number, { arrays, ...json }: Checkpoint): Promise<string> {
    const name = `step-${String(step).padStart(8, "0")}.safetensors`;
    await writeFileAtomic(join(this.folder, name), encode(arrays, json));
    return name;
  }

  /** The newest readable checkpoint, or null. One with other lasting settings is refused. */
  async latest(run: Readonly<Record<string, unknown>>): Promise<Checkpoint | null> {
    for (const name of await this.files()) {
      try {
        const checkpoint = await readCheckpoint(join(this.folder, name));
        refuseOther(checkpoint.run, run);
        return checkpoint;
      } catch (error) {
        if (!isRevqError(error) || error.code === "resume-other-config") throw error;
        this.note(`Checkpoint ${name} cannot be read (${error.message}); trying the one before it.`);
      }
    }
    return null;
  }

  /** The newest readable checkpoint without its arrays, or null. Of any configuration. */
  async newest(): Promise<Omit<Checkpoint, "arrays"> | null> {
    for (const name of await this.files()) {
      const saved = await readJsonPart(join(this.folder, name)).catch(() => null);
      if (saved) return saved as Omit<Checkpoint, "arrays">;
    }
    return null;
  }

  /**
   * Fails early if these settings differ from the newest checkpoint's. Data-dependent settings are
   * compared later, in `latest`.
   */
  async requireSettings(settings: Readonly<Record<string, unknown>>): Promise<void> {
    for (const name of [...(await this.files()), fitFile]) {
      const saved = await readJsonPart(join(this.folder, name)).catch(() => null);
      if (!saved) continue;
      refuseOther(Object.fromEntries(Object.keys(settings).map((key) => [key, saved.run[key]])), settings);
      return;
    }
  }

  /**
   * Keeps the state of a fit of codebooks after every pass, until the first checkpoint.
   * @param read go on from it
   */
  async ofFit(run: Readonly<Record<string, unknown>>, read: boolean): Promise<FitCheckpoints> {
    const path = join(this.folder, fitFile);
    return {
      saved: read ? await this.readFit(path, run) : null,
      save: async ({ json, arrays }) => {
        await mkdir(this.folder, { recursive: true });
        await writeFileAtomic(path, encode(arrays, { run, json }));
      },
    };
  }

  private async readFit(path: string, run: Readonly<Record<string, unknown>>): Promise<SavedFit | null> {
    try {
      const { json, arrays } = await decode(path);
      const saved = json as { run: Readonly<Record<string, unknown>>; json: unknown };
      refuseOther(saved.run, run);
      this.note("Going on with the unfinished codebooks.");
      return { json: saved.json, arrays };
    } catch (error) {
      if (!isRevqError(error) || error.code === "resume-other-config") throw error;
      if (error.code !== "file-not-found") this.note(`The state of the codebooks cannot be read (${error.message}).`);
      return null;
    }
  }

  /** Newest first. */
  private async files(): Promise<string[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names
      .filter((name) => pattern.test(name))
      .sort()
      .reverse();
  }
}

function requireFiniteArrays({ arrays, epochs }: Checkpoint, step: number): void {
  for (const [name, { data }] of Object.entries(arrays)) {
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    throw new RevqError(
      "training-diverged",
      `${name} holds ${data[bad]} after step ${step} of the run (epoch ${epochs.length + 1}).`,
      {
        fix: "Start again in another folder with a lower learning rate.",
        setting: { path: "train.learningRate" },
      },
    );
  }
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { json, arrays } = await decode(path);
  return { ...(json as Omit<Checkpoint, "arrays">), arrays };
}

/** The JSON part of a checkpoint or of an unfinished fit, without its arrays. */
async function readJsonPart(path: string): Promise<Pick<Checkpoint, "run">> {
  const { metadata } = await openSafetensors(await fromFile(path));
  return parseJson(path, metadata[metadataKey] ?? "") as Pick<Checkpoint, "run">;
}

function encode(arrays: NamedArrays, json: object): Uint8Array {
  return writeSafetensors(
    Object.entries(arrays).map(([name, { shape, data }]) => ({ name, shape, data })),
    { [metadataKey]: JSON.stringify(json) },
  );
}

async function decode(path: string): Promise<{ json: unknown; arrays: NamedArrays }> {
  const source = await fromFile(path);
  try {
    const file = await openSafetensors(source);
    const text = file.metadata[metadataKey];
    if (text === undefined) throw new RevqError("not-a-checkpoint", `${path} is not a checkpoint of revq.`);
    const arrays: Record<string, NamedArray> = {};
    for (const name of file.tensors.keys()) {
      const { shape, data } = await file.read(name);
      arrays[name] = { shape, data: data instanceof Int32Array ? data : (data as Float32Array) };
    }
    return { json: parseJson(path, text), arrays };
  } finally {
    await source.close?.();
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RevqError("not-a-checkpoint", `The JSON part of ${path} is damaged.`, { cause });
  }
}

function refuseOther(saved: Readonly<Record<string, unknown>>, now: Readonly<Record<string, unknown>>): void {
  refuseChanges(changesBetween(saved, now).filter((change) => effectOf(change) === "refused"));
}
