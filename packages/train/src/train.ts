/**
 * A training run, top to bottom: open the data, encode it once, standardize, choose tokens and codes, fit codebooks and
 * rectifier by the recipe, write the tokenizer, score it on held-out data.
 */
import {
  bitsPerImage,
  createRandom,
  fingerprint,
  latentShapeToArray,
  measureLatents,
  parseOptions,
  Standardizer,
  standardizedSource,
  vocabularySize,
  type FitContext,
  type LatentStatistics,
  type PluginKind,
  type PluginRegistry,
} from "@revq/core";
import { formatVersion, serializeTokenizer, Tokenizer, type TokenizerConfig } from "@revq/tokenizer";
import { CheckpointStore } from "./checkpoints.js";
import { annotateConfig } from "./config/annotate.js";
import type { ResolvedConfig } from "./config/layers.js";
import type { RunConfig } from "./config/schema.js";
import { evaluateImages, evaluateLatents, type Panel } from "./evaluate.js";
import { modelCard } from "./model-card.js";
import { planTraining, type Made, type TrainingPlan } from "./plan.js";
import {
  prepareImages,
  prepareLatents,
  type PreparedData,
  type TrainDependencies,
  type TrainOptions,
} from "./prepare.js";
import type { RecipeResult } from "./recipe.js";
import { trainFit } from "./recipe-fit.js";
import { trainPaper } from "./recipe-paper.js";
import { codesForJson, type Evaluation, type TrainResult } from "./records.js";
import { RunFolder } from "./run-folder.js";
import { writeSamples } from "./samples.js";
import { openTrainingImages } from "./training-data.js";

export async function trainTokenizer(
  resolved: ResolvedConfig,
  options: TrainOptions,
  dependencies: TrainDependencies,
): Promise<TrainResult> {
  const { config } = resolved;
  const { note, plugins, report, signal } = dependencies;
  const random = createRandom(config.seed);
  const context: FitContext = { random, report, signal };
  const images =
    config.data.latents === null ? await openTrainingImages(config, dependencies.sampleImages, note) : null;

  const out = config.out ?? (await RunFolder.nextFree("revq-runs", images ? config.backbone.id : "latents"));
  const folder = await RunFolder.open(out, options);
  note(`Output folder: ${folder.root}`);
  await folder.write("run/config.yaml", annotateConfig(resolved, plugins));

  const data = images
    ? await prepareImages(images, config, folder, options, context, dependencies)
    : await prepareLatents(config, note);
  const latentShape = data.train.shape;
  const statistics = await measureLatents(data.train);
  const train = standardizedSource(data.train, statistics);
  const val = standardizedSource(data.val, statistics);

  const plan = planTraining(config, latentShape, train.count, plugins, random);
  for (const line of [...plan.reasons, ...plan.warnings]) note(line);

  const checkpoints = new CheckpointStore(folder.checkpoints, config.train.keepCheckpoints, note);
  const identity = runIdentity(config, data, await fingerprintStatistics(statistics));
  const resumed = options.resume ? await checkpoints.latest(identity) : null;
  if (resumed)
    note(
      `Resuming after epoch ${resumed.epochs.length}${resumed.stepsIntoEpoch ? `, step ${resumed.stepsIntoEpoch}` : ""}.`,
    );
  await folder.startMetrics([...(resumed?.passes ?? []), ...(resumed?.epochs ?? [])]);

  const recipe = { fit: trainFit, paper: trainPaper }[config.recipe];
  const trained = await recipe({
    quantizer: plan.quantizer.instance,
    rectifier: plan.rectifier.instance,
    train,
    val,
    settings: config.train,
    context,
    resumed,
    onPass: (record) => folder.appendMetrics(record),
    onEpoch: (record) => folder.appendMetrics(record),
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

  const { evaluation, panels } = await score(tokenizer, data, config, context);
  if (panels.length) await writeSamples(folder.path("run", "samples.png"), panels, config.data.imageSize);
  const result = summarize(folder, plan, trained, evaluation, data, dependencies.engine);
  await folder.write(
    "README.md",
    modelCard({ config: tokenizer.config, result, trainedOn: data.trainedOn, heldOut: data.heldOut }),
  );
  const { epochs: _epochs, tokenizer: _path, ...final } = result;
  await folder.appendMetrics({ result: final });
  tokenizer.dispose();
  if (rectifier.instance !== plan.rectifier.instance) plan.rectifier.instance.dispose();
  return result;
}

/** Tells two sets of training latents apart: their means and standard deviations, hashed. */
function fingerprintStatistics({ mean, std }: LatentStatistics): Promise<string> {
  return fingerprint({ mean: { shape: [mean.length], data: mean }, std: { shape: [std.length], data: std } });
}

/** What a checkpoint must agree with: everything that decides the numbers, nothing that says where files are. */
function runIdentity(config: RunConfig, data: PreparedData, statistics: string): Record<string, unknown> {
  const { recipe, seed, bits, quantizer, rectifier } = config;
  const { keepCheckpoints: _keep, encodeBatch: _batch, ...train } = config.train;
  return {
    recipe,
    seed,
    bits,
    quantizer,
    rectifier,
    train,
    latentShape: latentShapeToArray(data.train.shape),
    samples: [data.train.count, data.val.count],
    statistics,
    backbone: data.backboneConfig?.fingerprint ?? null,
  };
}

/** The trained rectifier, or the identity plugin when training could not beat it. */
function keptRectifier(
  plan: TrainingPlan,
  trained: RecipeResult,
  plugins: PluginRegistry,
  latentShape: TrainingPlan["latentShape"],
): TrainingPlan["rectifier"] {
  if (trained.rectifierHelps || plan.rectifier.instance.variables.length === 0) return plan.rectifier;
  const identity = plugins.get("rectifier", "identity");
  const options = parseOptions(identity, {});
  return { id: identity.id, options, instance: identity.create(options, { latentShape, random: createRandom(0) }) };
}

function tokenizerConfig(
  config: RunConfig,
  data: PreparedData,
  plan: TrainingPlan,
  rectifier: TrainingPlan["rectifier"],
  plugins: PluginRegistry,
): TokenizerConfig {
  const { tokens } = plan.quantizer.instance;
  const plain = (kind: PluginKind, { id, options }: Made<unknown>): TokenizerConfig["quantizer"] => ({
    id,
    package: plugins.packageOf(kind, id),
    options: { ...options },
  });
  return {
    formatVersion,
    latentShape: latentShapeToArray(plan.latentShape),
    imageSize: data.images ? config.data.imageSize : null,
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
): Promise<{ evaluation: Evaluation; panels: readonly Panel[] }> {
  const options = { batch: config.train.encodeBatch, report, signal };
  if (data.images) return evaluateImages(tokenizer, data.images.val, { ...options, panels: 8 });
  return { evaluation: await evaluateLatents(tokenizer, data.val, { ...options, batch: 64 }), panels: [] };
}

function summarize(
  folder: RunFolder,
  plan: TrainingPlan,
  trained: RecipeResult,
  evaluation: Evaluation,
  data: PreparedData,
  engine: string,
): TrainResult {
  const { tokens } = plan.quantizer.instance;
  return {
    tokenizer: folder.root,
    latentShape: latentShapeToArray(plan.latentShape),
    bitsPerImage: evaluation.bitsPerImage,
    tokens: tokens.tokens,
    codes: codesForJson(tokens.codes),
    samplesPerCode: plan.summary.samplesPerCode,
    latentMse: evaluation.latentMse,
    psnr: evaluation.psnr,
    ssim: evaluation.ssim,
    floor: evaluation.floor,
    usage: trained.codesInUse.usage,
    perplexity: trained.codesInUse.perplexity,
    engine,
    seconds: { extract: data.seconds, ...trained.seconds },
    epochs: trained.epochs,
  };
}
