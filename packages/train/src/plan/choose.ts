/**
 * Chooses a plan where transform, split or groups are open: measures the candidates, keeps the
 * scores in `run/choices.json`, and takes the best. A resumed run does not choose again.
 */
import { latentSize, type Backbone, type FitContext, type LatentSource, type WeightsSource } from "@revq/core";
import { sha256 } from "@revq/formats/node";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { networksFor } from "../evaluation/image-accumulator.js";
import { selectRows } from "../evaluation/latent-batches.js";
import { openMetricNetworks } from "../evaluation/open-networks.js";
import type { RunConfig } from "../config/schema.js";
import type { TrainingInputs } from "../inputs/inputs.js";
import type { LatentBasis } from "../inputs/latent-space.js";
import type { PicturePlan } from "../pictures/index.js";
import { isBetter, selectionFor, selections, type SelectionScores } from "../pictures/select.js";
import { takesSteps } from "../pictures/steps.js";
import type { RunFolder } from "../run/run-folder.js";
import { lastingSettings } from "../run/setting-changes.js";
import { candidateNames, choiceLines, planLines, type ChoiceRecord } from "./choice.js";
import { decodedPart, measureCandidates } from "./measure.js";
import type { PlanInput, TrainingPlan } from "./plan.js";

export interface ChooseInput {
  /** One or more, the best guess first. */
  readonly candidates: readonly TrainingPlan[];
  readonly planInput: PlanInput;
  readonly inputs: Pick<TrainingInputs, "backbone">;
  /** What the run trains on, shifted views included, and the held-out latents. */
  readonly latents: Pick<TrainingInputs, "train" | "val">;
  readonly basis: LatentBasis;
  /** What the picture stage will do; null without one. */
  readonly pictures: Pick<PicturePlan, "steps"> | null;
  /** What makes two runs the same run. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly folder: RunFolder;
  readonly context: FitContext;
}

export interface ChooseDependencies {
  readonly openWeights: (spec: string) => Promise<WeightsSource>;
  readonly note: (line: string) => void;
}

export interface ChosenPlan {
  readonly plan: TrainingPlan;
  /** Null where there was nothing to choose. */
  readonly choice: ChoiceRecord | null;
}

/**
 * Elements of the latents that candidates are fitted on, at most: 1024 latents of 16 x 32 x 32. More codebooks need more
 * data, so a small part would favour few codebooks.
 */
const maxFittedElements = 2 ** 24;
/** Held-out latents that are scored: by their error alone, and by their pictures. */
const maxScored = { latents: 256, pictures: 24 };
const minScoredPictures = 4;
/** Whole decodes per training latent, at most: choosing shall cost little next to encoding. */
const decodesPerSample = 0.25;

/** Throws `select-not-measured`, `lpips-weights` and what the plugins throw. */
export async function choosePlan(input: ChooseInput, dependencies: ChooseDependencies): Promise<ChosenPlan> {
  const { candidates } = input;
  if (candidates.length === 1) return { plan: candidates[0]!, choice: null };
  const choice = await savedOrMeasured(input, dependencies);
  const plan = candidates[choice.candidates.findIndex(({ chosen }) => chosen)]!;
  const known = planLines(candidates);
  for (const line of [...plan.reasons, ...plan.warnings]) if (!known.includes(line)) dependencies.note(line);
  return { plan, choice };
}

async function savedOrMeasured(input: ChooseInput, { openWeights, note }: ChooseDependencies): Promise<ChoiceRecord> {
  const { candidates, planInput, inputs, latents, basis, folder, context } = input;
  const names = candidateNames(candidates);
  const key = sha256(
    JSON.stringify([
      lastingSettings(input.identity),
      candidates.map(({ transform, quantizer }) => [transform, quantizer]),
    ]),
  );
  const saved = await readChoice(folder.path(savedChoiceFile), key);
  if (saved) {
    note(`An earlier start of the run chose ${saved.candidates.find(({ chosen }) => chosen)!.name}.`);
    return saved;
  }
  const { config } = planInput;
  const backbone = inputs.backbone?.spec.decodes ? inputs.backbone : null;
  const networks = backbone ? await openMetricNetworks({ ...config.score, inception: null }, openWeights) : null;
  try {
    const { height, width } = decodedPart(latents.val.shape);
    const side = Math.min(height, width) * (backbone?.spec.downsample ?? 0);
    const lpips = networksFor(side, networks ?? {}).lpips ?? null; // pictures may be too small for it
    const select = selectionFor(asked(input), { pictures: backbone !== null, lpips: lpips !== null });
    const random = context.random.fork("choice");
    const part = {
      train: someLatents(latents.train, fittedCount(latents.train), random.fork("train")),
      val: someLatents(latents.val, scoredCount(input, backbone), random.fork("val")),
    };
    const measured = { latents: part, basis, backbone, lpips, planInput, context: { ...context, random } };
    const scores = await measureCandidates(candidates, measured);
    const best = scores.reduce(
      (best, each, index) => (isBetter(handicapped(each), scores[best]!, select) ? index : best),
      0,
    );
    const choice: ChoiceRecord = {
      select,
      fittedOn: part.train.count,
      scoredOn: part.val.count,
      candidates: scores.map((each, index) => ({ name: names[index]!, ...each, chosen: index === best })),
    };
    await folder.write(savedChoiceFile, `${JSON.stringify({ key, ...choice }, null, 2)}\n`);
    for (const line of choiceLines(choice)) note(line);
    return choice;
  } finally {
    networks?.dispose();
  }
}

/**
 * Picture steps lower LPIPS most where most was lost, but they bring back no squared error. So where
 * they follow, PSNR says which codes are worth more: docs/results.md.
 */
function asked({ planInput: { config }, inputs, pictures }: ChooseInput): RunConfig["train"]["select"] {
  const { select } = config.train;
  return select === "auto" && inputs.backbone?.spec.decodes && takesSteps(pictures) ? "psnr" : select;
}

/**
 * A quick fit decides no smaller differences, and favours many codebooks a little: they need fewer
 * passes. The earlier candidate wins then.
 */
const tolerance = 0.01;

function handicapped({ lpips, psnr, latent }: SelectionScores): SelectionScores {
  const worse = 1 + tolerance;
  return {
    lpips: lpips === null ? null : lpips * worse,
    psnr: psnr === null ? null : psnr - 10 * Math.log10(worse),
    latent: latent * worse,
  };
}

function fittedCount({ shape, count }: LatentSource): number {
  return Math.min(count, Math.max(1, Math.floor(maxFittedElements / latentSize(shape))));
}

/** It follows from sizes alone, so that a run can be repeated. */
function scoredCount({ candidates, latents: { train, val } }: ChooseInput, backbone: Backbone | null): number {
  if (!backbone) return Math.min(val.count, maxScored.latents);
  const { height, width } = val.shape;
  const part = decodedPart(val.shape);
  const share = (part.height * part.width) / (height * width);
  const affordable = Math.floor((decodesPerSample * train.count) / ((candidates.length + 1) * share));
  return Math.min(val.count, Math.max(minScoredPictures, Math.min(maxScored.pictures, affordable)));
}

function someLatents(source: LatentSource, wanted: number, random: FitContext["random"]): LatentSource {
  return wanted < source.count ? selectRows(source, random.sample(source.count, wanted).sort()) : source;
}

const savedChoiceFile = "run/choices.json";

const score = z.number().nullable();
const savedChoiceSchema = z.object({
  key: z.string(),
  select: z.enum(selections),
  fittedOn: z.int(),
  scoredOn: z.int(),
  candidates: z.array(
    z.object({ name: z.string(), latent: z.number(), psnr: score, lpips: score, chosen: z.boolean() }),
  ),
});

/** Null when there is none of this key: choosing can be repeated. */
async function readChoice(path: string, key: string): Promise<ChoiceRecord | null> {
  try {
    const { key: saved, ...choice } = savedChoiceSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return saved === key ? choice : null;
  } catch {
    return null;
  }
}
