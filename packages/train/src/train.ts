/**
 * A training run, top to bottom: open the data, encode it once, standardize, choose tokens and codes, fit codebooks and
 * rectifier by the recipe, write the tokenizer, score it on held-out data.
 */
import { bitsPerImage, createRandom, fingerprint, latentShapeOf, latentShapeToArray, parseOptions, vocabularySize, type FitContext, type PluginKind, type PluginRegistry } from "@revq/core";
import { measureLatents, Standardizer, standardizedSource, type LatentStatistics } from "@revq/tokenizer";
import { formatVersion, serializeTokenizer, Tokenizer, type TokenizerConfig } from "@revq/tokenizer";
import { rm } from "node:fs/promises";
import { CheckpointStore, type Checkpoint } from "./checkpoints.js";
import { annotateConfig } from "./config/annotate.js";
import type { ResolvedConfig } from "./config/layers.js";
import type { RunConfig } from "./config/schema.js";
import { evaluateImages, evaluateLatents, type ImageEvaluation } from "./evaluate.js";
import { openMetricNetworks } from "./evaluation/open-networks.js";
import { tokenizerPage } from "./evaluation/report.js";
import { modelCard } from "./model-card.js";
import { makePlanned, planTraining, settlePlan, type MadePlan, type Planned, type TrainingPlan } from "./plan.js";
import {
  createBackbone,
  dataMemory,
  prepareImages,
  prepareLatents,
  weightsBeside,
  type PreparedData,
  type TrainDependencies,
  type TrainOptions,
} from "./prepare.js";
import type { RecipeResult } from "./recipe.js";
import { trainFit } from "./recipe-fit.js";
import { trainPaper } from "./recipe-paper.js";
import { codesForJson, type Evaluation, type TrainResult } from "./records.js";
import { RunFolder } from "./run-folder.js";
import { RunLog } from "./run-log.js";
import { writeSamples } from "./samples.js";
import { openTrainingImages } from "./training-data.js";

export async function trainTokenizer(
  resolved: ResolvedConfig,
  options: TrainOptions,
  dependencies: TrainDependencies,
): Promise<TrainResult> {
  const { config } = resolved;
  const { note, plugins } = dependencies;

  // Everything that can be wrong with the settings shows before anything is written or encoded.
  const latents = await prepareLatents(resolved, dependencies);
  const images = latents ? null : await openTrainingImages(config, dependencies.sampleImages, note);
  const backbone = latents ? null : await createBackbone(config, dependencies);
  const latentShape = latents?.train.shape ?? latentShapeOf(backbone!.spec, config.data.imageSize);
  const plan = planTraining(config, latentShape, (latents ?? images!).train.count, plugins);
  // Weights that are not there show before hours of training.
  (await openMetricNetworks(config.score, dependencies.openWeights)).dispose();
  for (const line of [...plan.reasons, ...plan.warnings]) note(line);

  const out =
    config.out ??
    (await RunFolder.nextFree("revq-runs", latents ? (latents.backboneConfig?.id ?? "latents") : config.backbone.id));
  const folder = await RunFolder.open(out, { ...options, note });
  try {
    note(`Output folder: ${folder.root}`);
    const checkpoints = new CheckpointStore(folder.checkpoints, config.train.keepCheckpoints, note);
    if (options.resume) await checkpoints.requireSettings(runSettings(config));
    const pinned = annotateConfig(resolved, plugins, { pinned: true });
    if (!options.resume || !(await folder.has("run/config.yaml"))) await folder.write("run/config.yaml", pinned);
    const context: FitContext = {
      random: createRandom(config.seed),
      report: dependencies.report,
      signal: dependencies.signal,
      memory: dataMemory(config).fit,
    };
    const data = latents
      ? await weightsBeside(latents, folder)
      : await prepareImages(images!, backbone!, config, folder, context, dependencies);
    // Images that could not be read leave fewer samples than were planned with.
    const { count } = data.train;
    const final = count === plan.samples ? plan : planTraining(config, latentShape, count, plugins);
    return await trainOn(data, final, folder, checkpoints, resolved, options, context, dependencies);
  } finally {
    await folder.close();
  }
}

async function trainOn(
  data: PreparedData,
  planned: TrainingPlan,
  folder: RunFolder,
  checkpoints: CheckpointStore,
  resolved: ResolvedConfig,
  options: TrainOptions,
  context: FitContext,
  { engine, note, openWeights, plugins }: TrainDependencies,
): Promise<TrainResult> {
  const { config } = resolved;
  const { latentShape } = planned;
  const statistics = await measureLatents(data.train);
  const train = standardizedSource(data.train, statistics);
  const val = standardizedSource(data.val, statistics);
  const settled = await settlePlan(planned, train, plugins, context);
  if (settled !== planned) for (const line of settled.reasons) note(line);
  const plan = makePlanned(settled, plugins, context.random);

  const held = await fingerprintStatistics(await measureLatents(data.val));
  const identity = runIdentity(config, data, [await fingerprintStatistics(statistics), held]);
  const resumed = options.resume ? await checkpoints.latest(identity) : null;
  if (resumed) note(resumeLine(resumed));
  else if (options.resume) note("There is no checkpoint of the training to go on from: it starts from the beginning.");
  const settings = annotateConfig(resolved, plugins, { pinned: true });
  await folder.write("run/config.yaml", settings);
  const log = await RunLog.start(folder, [...(resumed?.passes ?? []), ...(resumed?.epochs ?? [])]);

  const recipe = { fit: trainFit, paper: trainPaper }[config.recipe];
  const trained = await recipe({
    quantizer: plan.quantizer.instance,
    rectifier: plan.rectifier.instance,
    train,
    val,
    settings: config.train,
    context,
    resumed,
    fitCheckpoints: await checkpoints.ofFit(identity, options.resume && !resumed),
    codeTable: (name) => ({ memoryLimit: dataMemory(config).codes, path: folder.path("run", "codes", name) }),
    onPass: (record) => log.record(record),
    onEpoch: (record) => log.record(record),
    save: (step, checkpoint) => checkpoints.save(step, { ...checkpoint, run: identity }),
  });
  if (!trained.rectifierHelps && plan.rectifier.instance.variables.length > 0) {
    note("No epoch of the rectifier was better than none on held-out latents: the identity is kept instead.");
  }

  const standardizer = Standardizer.fromStatistics(latentShape, statistics);
  const rectifier = keptRectifier(plan, trained, plugins, latentShape);
  const tokenizer = new Tokenizer({
    config: tokenizerConfig(config, data, plan, rectifier, plugins),
    latentShape,
    backbone: data.backbone,
    standardizer,
    quantizer: plan.quantizer.instance,
    rectifier: rectifier.instance,
  });
  for (const [name, bytes] of Object.entries(await serializeTokenizer(tokenizer))) await folder.write(name, bytes);
  await rm(folder.path("run", "codes"), { recursive: true, force: true });

  const { lpips, inception } = config.score;
  if (!data.images && (lpips !== null || inception !== null)) {
    note(
      "LPIPS, rFID and the Inception Score need held-out images, and there are latents alone: they are not measured.",
    );
  }
  const scored = await score(tokenizer, data, config, context, openWeights);
  const { evaluation, details, panels } = scored;
  if (panels.length) await writeSamples(folder.path("run", "samples.png"), panels, config.data.imageSize);
  const result = summarize(folder, plan, trained, evaluation, data, engine);
  await folder.write(
    "README.md",
    modelCard({ config: tokenizer.config, result, trainedOn: data.trainedOn, heldOut: data.heldOut }),
  );
  const { epochs: _epochs, tokenizer: _path, ...final } = result;
  await log.finish(final, evaluation, details, panels, config.data.imageSize);
  const page = await tokenizerPage({
    title: "A training run",
    summary: [`Trained on ${data.trainedOn}.`, `Scored on ${data.heldOut}; codes in use are over the training data.`],
    evaluation: result,
    images: evaluation.images,
    details,
    loss: trained,
    ...(scored.worst.length > 0 ? { extremes: { ...scored, size: config.data.imageSize } } : {}),
    configs: [
      { label: "config.json", value: tokenizer.config },
      { label: "run/config.yaml", value: settings },
    ],
  });
  await folder.write("run/report/index.html", page);
  tokenizer.dispose();
  if (rectifier.instance !== plan.rectifier.instance) plan.rectifier.instance.dispose();
  return result;
}

function resumeLine({ epochs, stepsIntoEpoch }: Checkpoint): string {
  return `Resuming after epoch ${epochs.length}${stepsIntoEpoch ? `, step ${stepsIntoEpoch}` : ""}.`;
}

/** Tells two sets of latents apart: their means and standard deviations, hashed. */
function fingerprintStatistics({ mean, std }: LatentStatistics): Promise<string> {
  return fingerprint({ mean: { shape: [mean.length], data: mean }, std: { shape: [std.length], data: std } });
}

/** The settings that decide the numbers; nothing that says where files are. */
function runSettings({ recipe, seed, bits, quantizer, rectifier, train: all }: RunConfig): Record<string, unknown> {
  const { keepCheckpoints: _keep, checkpointSteps: _every, encodeBatch: _batch, ...train } = all;
  return { recipe, seed, bits, quantizer, rectifier, train };
}

/** What a checkpoint must agree with: settings and data. */
function runIdentity(config: RunConfig, data: PreparedData, statistics: readonly string[]): Record<string, unknown> {
  return {
    ...runSettings(config),
    latentShape: latentShapeToArray(data.train.shape),
    samples: [data.train.count, data.val.count],
    statistics,
    backbone: data.backboneConfig?.fingerprint ?? null,
  };
}

/** The trained rectifier, or the identity plugin when training could not beat it. */
function keptRectifier(
  plan: MadePlan,
  trained: RecipeResult,
  plugins: PluginRegistry,
  latentShape: MadePlan["latentShape"],
): MadePlan["rectifier"] {
  if (trained.rectifierHelps || plan.rectifier.instance.variables.length === 0) return plan.rectifier;
  const identity = plugins.get("rectifier", "identity");
  const options = parseOptions(identity, {});
  return { id: identity.id, options, instance: identity.create(options, { latentShape, random: createRandom(0) }) };
}

function tokenizerConfig(
  config: RunConfig,
  data: PreparedData,
  plan: MadePlan,
  rectifier: MadePlan["rectifier"],
  plugins: PluginRegistry,
): TokenizerConfig {
  const { tokens } = plan.quantizer.instance;
  const plain = (kind: PluginKind, { id, options }: Planned): TokenizerConfig["quantizer"] => ({
    id,
    package: plugins.packageOf(kind, id),
    options: { ...options },
  });
  return {
    formatVersion,
    latentShape: latentShapeToArray(plan.latentShape),
    imageSize: data.imageSize,
    backbone: data.backboneConfig,
    quantizer: plain("quantizer", plan.quantizer),
    rectifier: plain("rectifier", rectifier),
    tokens: {
      tokens: tokens.tokens,
      groups: tokens.codes.length,
      codes: codesForJson(tokens.codes),
      vocabulary: vocabularySize(tokens),
      bitsPerImage: bitsPerImage(tokens),
    },
    training: { recipe: config.recipe, preset: config.preset, seed: config.seed },
  };
}

async function score(
  tokenizer: Tokenizer,
  data: PreparedData,
  config: RunConfig,
  { report, signal }: FitContext,
  openWeights: TrainDependencies["openWeights"],
): Promise<ImageEvaluation> {
  const options = { batch: config.train.encodeBatch, report, signal };
  if (data.images) {
    const networks = await openMetricNetworks(config.score, openWeights);
    try {
      const shown = { panels: 8, extremes: config.score.reportImages };
      return await evaluateImages(tokenizer, data.images.val, { ...options, ...shown, networks });
    } finally {
      networks.dispose();
    }
  }
  return {
    ...(await evaluateLatents(tokenizer, data.val, { ...options, batch: 64 })),
    panels: [],
    worst: [],
    best: [],
  };
}

function summarize(
  folder: RunFolder,
  plan: MadePlan,
  trained: RecipeResult,
  evaluation: Evaluation,
  data: PreparedData,
  engine: string,
): TrainResult {
  const { tokens } = plan.quantizer.instance;
  const { images: _images, ...scores } = evaluation;
  return {
    tokenizer: folder.root,
    latentShape: latentShapeToArray(plan.latentShape),
    ...scores,
    tokens: tokens.tokens,
    codes: codesForJson(tokens.codes),
    samplesPerCode: plan.summary.samplesPerCode,
    usage: trained.codesInUse.usage,
    perplexity: trained.codesInUse.perplexity,
    entropy: trained.codesInUse.bitsPerImage / tokens.tokens,
    measuredBitsPerImage: trained.codesInUse.bitsPerImage,
    engine,
    seconds: { extract: data.seconds, ...trained.seconds },
    epochs: trained.epochs,
  };
}
