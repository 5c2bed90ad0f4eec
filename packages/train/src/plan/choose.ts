/**
 * Chooses a plan where transform, split or groups are open: measures the candidates, keeps the
 * scores in `run/choices.json`, and takes the best. A resumed run does not choose again.
 */
import { latentSize, type Backbone, type FitContext, type LatentSource, type WeightsSource } from "@revq/core";
import { sha256 } from "@revq/formats/node";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { selectRows } from "../evaluation/latent-batches.js";
import { openMetricNetworks } from "../evaluation/open-networks.js";
import type { TrainingInputs } from "../inputs/inputs.js";
import type { LatentBasis } from "../inputs/latent-space.js";
import { isBetter, selectionFor, selections } from "../pictures/select.js";
import type { RunFolder } from "../run/run-folder.js";
import { candidateNames, choiceLines, planLines, type ChoiceRecord } from "./choice.js";
import { measureCandidates } from "./measure.js";
import type { PlanInput, TrainingPlan } from "./plan.js";

export interface ChooseInput {
  /** One or more, the best guess first. */
  readonly candidates: readonly TrainingPlan[];
  readonly planInput: PlanInput;
  readonly inputs: Pick<TrainingInputs, "train" | "val" | "backbone">;
  readonly basis: LatentBasis;
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

/** Elements of the latents that candidates are fitted on, at most: 512 latents of 16 x 32 x 32. */
const maxFittedElements = 2 ** 23;
/** Held-out latents that are scored: by their error alone, and by their pictures. */
const maxScored = { latents: 256, pictures: 16 };
const minScoredPictures = 4;
/** Pixels of the pictures of one candidate, at most: 16 pictures of 512 x 512. */
const maxScoredPixels = 2 ** 22;
/** Decodes per training latent, at most: choosing shall cost little next to encoding. */
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
  const { candidates, planInput, inputs, basis, folder, context } = input;
  const names = candidateNames(candidates);
  const key = sha256(
    JSON.stringify([input.identity, candidates.map(({ transform, quantizer }) => [transform, quantizer])]),
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
    const lpips = networks?.lpips ?? null;
    const select = selectionFor(config.train.select, { pictures: backbone !== null, lpips: lpips !== null });
    const random = context.random.fork("choice");
    const latents = {
      train: selectRows(inputs.train, someRows(inputs.train, fittedCount(inputs.train), random.fork("train"))),
      val: selectRows(inputs.val, someRows(inputs.val, scoredCount(input, backbone), random.fork("val"))),
    };
    const measured = { latents, basis, backbone, lpips, planInput, context: { ...context, random } };
    const scores = await measureCandidates(candidates, measured);
    const best = scores.reduce((best, each, index) => (isBetter(each, scores[best]!, select) ? index : best), 0);
    const choice: ChoiceRecord = {
      select,
      fittedOn: latents.train.count,
      scoredOn: latents.val.count,
      candidates: scores.map((each, index) => ({ name: names[index]!, ...each, chosen: index === best })),
    };
    await folder.write(savedChoiceFile, `${JSON.stringify({ key, ...choice }, null, 2)}\n`);
    for (const line of choiceLines(choice)) note(line);
    return choice;
  } finally {
    networks?.dispose();
  }
}

function fittedCount({ shape, count }: LatentSource): number {
  return Math.min(count, Math.max(1, Math.floor(maxFittedElements / latentSize(shape))));
}

/** It follows from sizes alone, so that a run can be repeated. */
function scoredCount({ candidates, inputs: { train, val } }: ChooseInput, backbone: Backbone | null): number {
  if (!backbone) return Math.min(val.count, maxScored.latents);
  const { height, width } = val.shape;
  const pixels = height * width * backbone.spec.downsample ** 2;
  const affordable = Math.floor((decodesPerSample * train.count) / (candidates.length + 1));
  const wanted = Math.min(maxScored.pictures, affordable, Math.floor(maxScoredPixels / pixels));
  return Math.min(val.count, Math.max(minScoredPictures, wanted));
}

function someRows({ count }: LatentSource, wanted: number, random: FitContext["random"]): Int32Array {
  return wanted < count ? random.sample(count, wanted).sort() : Int32Array.from({ length: count }, (_, row) => row);
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
