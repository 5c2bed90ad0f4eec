/**
 * A training run, top to bottom: open the data, encode them once, fit the transform, choose tokens
 * and codes, train codebooks and rectifier by the recipe, write the tokenizer, measure it on
 * held-out data.
 */
import {
  createRandom,
  latentShapeOf,
  parseOptions,
  type FitContext,
  type PluginRegistry,
  type Rectifier,
} from "@revq/core";
import { measureLatents, serializeTokenizer, tokenGrid, Tokenizer } from "@revq/tokenizer";
import { readFile, rm } from "node:fs/promises";
import { annotateConfig } from "./config/annotate.js";
import type { ResolvedConfig } from "./config/resolve.js";
import type { RunConfig } from "./config/schema.js";
import { keepDecoder } from "./decoder/keep.js";
import { missingScores } from "./evaluation/missing-scores.js";
import { openMetricNetworks } from "./evaluation/open-networks.js";
import { createBackbone } from "./inputs/backbone.js";
import { encodeImages, withWeightsPath } from "./inputs/encode-images.js";
import { openTrainingImages } from "./inputs/images.js";
import { dataMemory, type TrainDependencies, type TrainingInputs } from "./inputs/inputs.js";
import { chooseMetric, fitMetric, type MetricChoice } from "./inputs/latent-metric.js";
import { fitLatentSpace } from "./inputs/latent-space.js";
import { openGivenLatents } from "./inputs/latents.js";
import { isAugmented, withShiftedViews } from "./inputs/shifted-latents.js";
import {
  createCodec,
  createTransform,
  choosePlan,
  planCandidates,
  planLines,
  planWithLatents,
  requireEnoughVectors,
  type PlanInput,
  type PluginSelection,
  type TrainingPlan,
} from "./plan/index.js";
import { withDecided, withoutDecided } from "./pictures/decided.js";
import { planPictures, trainOnPictures, type PicturePlan } from "./pictures/index.js";
import { runRecipe } from "./recipes/driver.js";
import { epochsOf } from "./recipes/epochs.js";
import { recipes } from "./recipes/index.js";
import { stepsPerEpoch } from "./recipes/recipe.js";
import { CheckpointStore, type Checkpoint, type PictureProgress } from "./run/checkpoints.js";
import { finishRun } from "./run/finish.js";
import { goingOnText, goOnFrom, settleEpochs } from "./run/go-on.js";
import { runIdentity, runSettings } from "./run/identity.js";
import type { TrainResult } from "./run/records.js";
import { tokenizerConfig } from "./run/result.js";
import { RunFolder, startedIn } from "./run/run-folder.js";
import { RunLog } from "./run/run-log.js";

export interface TrainOptions {
  readonly resume: boolean;
}

/** Everything that the second half of a run needs from the first. */
interface PreparedRun {
  readonly resolved: ResolvedConfig;
  readonly options: TrainOptions;
  readonly inputs: TrainingInputs;
  readonly metric: MetricChoice;
  /** Null: no picture is decoded while training. */
  readonly pictures: PicturePlan | null;
  /** The plans that are possible, the best guess first. */
  readonly candidates: readonly TrainingPlan[];
  readonly planInput: PlanInput;
  readonly folder: RunFolder;
  readonly checkpoints: CheckpointStore;
  readonly context: FitContext;
}

export async function trainTokenizer(
  resolved: ResolvedConfig,
  options: TrainOptions,
  dependencies: TrainDependencies,
): Promise<TrainResult> {
  const { config } = resolved;
  const { note, plugins, report, signal } = dependencies;

  // Wrong settings fail before anything is written or encoded.
  const latents = await openGivenLatents(resolved, dependencies);
  const images = latents ? null : await openTrainingImages(config, dependencies.sampleImages, note);
  const created = latents ? null : await createBackbone(config, dependencies);
  const latentShape = latents?.train.shape ?? latentShapeOf(created!.backbone.spec, config.data.imageSize);
  const context: FitContext = { random: createRandom(config.seed), report, signal, memory: dataMemory(config).fit };
  const backbone = latents ? latents.backbone : created!.backbone;
  const metric = chooseMetric(config, backbone);
  const samples = (latents ?? images!).train.count;
  let planInput: PlanInput = { config, latentShape, samples, plugins, context };
  let candidates = await planCandidates(planInput);
  requireEnoughVectors(candidates, resolved.explicit);
  (await openMetricNetworks(config.score, dependencies.openWeights)).dispose();
  for (const line of missingScores(resolved, images !== null)) note(line);
  const trainable = candidates[0]!.summary.parameters.rectifier > 0;
  const ability = { engine: dependencies.engine, rectifier: trainable };
  planPictures(config, backbone, ability);
  for (const line of planLines(candidates)) note(line);

  const name = latents ? (latents.backboneConfig?.id ?? "latents") : config.backbone.id;
  const folder = await RunFolder.open(config.out ?? (await RunFolder.nextFree("revq-runs", name)), {
    ...options,
    note,
  });
  try {
    note(`Output folder: ${folder.root}`);
    const checkpoints = new CheckpointStore(folder.checkpoints, config.train.keepCheckpoints, note);
    const saved = options.resume ? await checkpoints.newest() : null;
    const began = saved ? withoutDecided(resolved, saved) : resolved;
    if (options.resume) await checkpoints.requireSettings(runSettings(began.config));
    const pinned = annotateConfig(resolved, plugins, { pinned: true });
    if (!options.resume || !(await folder.has("run/config.yaml"))) {
      await folder.write("run/config.yaml", pinned);
      await folder.write(startedIn, `${process.cwd()}\n`);
    }
    const inputs = latents
      ? await withWeightsPath(latents, folder)
      : await encodeImages(images!, created!, config, folder, context, dependencies);
    if (inputs.train.count !== samples) {
      // Unreadable images leave fewer samples than were planned with.
      planInput = { ...planInput, samples: inputs.train.count };
      candidates = await planCandidates(planInput);
      requireEnoughVectors(candidates, resolved.explicit);
    }
    // A fitted backbone has its weights now.
    const picturesOf = (train: RunConfig["train"]): PicturePlan | null =>
      planPictures({ ...config, train }, inputs.backbone, ability);
    const settled = saved
      ? settleEpochs(began, saved, (train) => epochsOf({ ...config, train }, picturesOf(train)))
      : began;
    const pictures = picturesOf(settled.config.train);
    const run = {
      resolved: settled,
      options,
      inputs,
      metric,
      pictures,
      candidates,
      planInput,
      folder,
      checkpoints,
      context,
    };
    return await trainOnLatents(run, dependencies);
  } finally {
    await folder.close();
  }
}

async function trainOnLatents(run: PreparedRun, dependencies: TrainDependencies): Promise<TrainResult> {
  const { resolved, options, inputs, folder, checkpoints, context } = run;
  const { config } = resolved;
  const { note, plugins } = dependencies;

  const statistics = await measureLatents(inputs.train);
  const transforms = run.candidates.map(({ transform }) => transform.layout);
  const metric = await fitMetric({ choice: run.metric, transforms, inputs, statistics, folder, context, note });
  const basis = { statistics, metric };
  const augmented = isAugmented(config, inputs.train);
  if (augmented && config.data.augment === "auto")
    note("Few latents: shifted copies of their maps are trained on too.");
  const identity = await runIdentity(config, inputs, { statistics, metric: run.metric, augmented });
  const views = augmented ? withShiftedViews(inputs.train, context.random.fork("views")) : inputs.train;
  const fitted = { train: views, val: inputs.val, distinct: inputs.train.count };
  const chosen = await choosePlan({ ...run, latents: fitted, basis, identity }, dependencies);
  const transform = await createTransform(chosen.plan, plugins);
  const { space, train, val } = await fitLatentSpace(fitted, transform, basis, context);

  // What depends on the latents themselves.
  const plan = await planWithLatents(chosen.plan, train.coefficients, run.planInput);
  for (const line of plan.reasons) note(line);
  const { quantizer, rectifier } = await createCodec(plan, plugins, context.random);

  const settings = { ...config.train, epochs: epochsOf(config, run.pictures) };
  const found = options.resume ? await checkpoints.latest(identity) : null;
  const goingOn = found && goOnFrom(found, identity);
  const resumed = goingOn?.checkpoint ?? null;
  if (goingOn) note(goingOnText(goingOn, settings.epochs));
  else if (options.resume) note("There is no checkpoint yet: the training starts from the beginning.");
  /** The record of the run, which can be repeated with it. */
  const pinned = (progress: PictureProgress | null): string =>
    annotateConfig(progress ? withDecided(resolved, progress) : resolved, plugins, { pinned: true });
  await folder.write("run/config.yaml", pinned(resumed?.pictures ?? null));
  if (goingOn?.repeatsPictures) {
    const step = goingOn.checkpoint.epochs.length * stepsPerEpoch(inputs.train.count, settings.batch);
    await checkpoints.goBack(step, { ...goingOn.checkpoint, run: identity });
  }
  const { passes = [], epochs = [], pictures: progress = null } = resumed ?? {};
  const log = await RunLog.start(folder, [...passes, ...epochs, ...(progress?.records ?? [])]);
  const save = async (step: number, checkpoint: Omit<Checkpoint, "run">): Promise<void> => {
    await checkpoints.save(step, { ...checkpoint, run: identity });
    if (checkpoint.pictures) await folder.write("run/config.yaml", pinned(checkpoint.pictures));
  };

  const recipeInput = {
    codec: { space, quantizer, rectifier },
    train,
    val,
    grid: tokenGrid(quantizer.layout, plan.latentShape, space.transform.layout),
    settings,
    context,
    fitCheckpoints: await checkpoints.ofFit(identity, options.resume && !resumed),
    idTable: (name: string) => ({ memoryLimit: dataMemory(config).ids, path: folder.path("run", "ids", name) }),
  };
  const trained = await runRecipe(recipes[config.recipe](recipeInput), {
    ...recipeInput,
    resumed,
    onRecord: (record) => log.record(record),
    save,
  });
  const pictures = run.pictures
    ? await trainOnPictures(
        {
          ...{ config, inputs, train, val, trained, context, resumed, save, plan: run.pictures },
          codec: { space, quantizer, rectifier },
          onRecord: (record) => log.record(record),
        },
        dependencies,
      )
    : null;

  // The tokenizer.
  const isHelpful = pictures ? pictures.kept !== "identity" : trained.rectifierHelps;
  const replaced = !isHelpful && rectifier.variables.length > 0;
  if (replaced) note("No rectifier improved on the unrectified held-out score. The identity is kept.");
  const adapted = pictures?.decoder
    ? await keepDecoder({
        backbone: inputs.backbone!,
        selected: inputs.backboneConfig!,
        imageSize: inputs.imageSize!,
        plan: pictures.adapter!,
        arrays: pictures.decoder,
        plugins,
      })
    : null;
  const kept = replaced ? await identityRectifier(plan, plugins) : { selection: plan.rectifier, rectifier };
  if (replaced) rectifier.dispose();
  const tokenizer = new Tokenizer({
    config: tokenizerConfig(
      config,
      inputs,
      plan,
      { metric: space.metric.id, rectifier: kept.selection, decoder: adapted?.config ?? null },
      plugins,
    ),
    latentShape: plan.latentShape,
    backbone: inputs.backbone,
    space,
    quantizer,
    rectifier: kept.rectifier,
    decoder: adapted?.decoder ?? null,
  });
  for (const [name, bytes] of Object.entries(await serializeTokenizer(tokenizer))) await folder.write(name, bytes);
  await rm(folder.path("run", "ids"), { recursive: true, force: true });

  const { samplesPerCode } = plan.summary;
  const { choice } = chosen;
  const finish = {
    config,
    pinned: await readFile(folder.path("run", "config.yaml"), "utf8"),
    inputs,
    train,
    tokenizer,
    trained,
    pictures,
    samplesPerCode,
    choice,
    folder,
    log,
    context,
  };
  const result = await finishRun(finish, dependencies);
  tokenizer.dispose();
  return result;
}

/**
 * The plugin that stands for no rectifier: kept when training could not improve on the unrectified
 * error.
 */
async function identityRectifier(
  { latentShape }: TrainingPlan,
  plugins: PluginRegistry,
): Promise<{ selection: PluginSelection; rectifier: Rectifier }> {
  const plugin = plugins.get("rectifier", "identity");
  const options = parseOptions(plugin, {});
  const rectifier = await plugin.create(options, { latentShape, random: createRandom(0) });
  return { selection: { id: plugin.id, options }, rectifier };
}
