/**
 * Opens the weights of LPIPS and of FID-Inception. Files are found under the names that their
 * authors gave them.
 */
import { isRevqError, RevqError, type NamedTensors, type WeightsSource } from "@revq/core";
import { openTensorFile } from "@revq/formats";
import {
  createInception,
  createLpips,
  inceptionTensors,
  lpipsTensors,
  type Inception,
  type Lpips,
  type LpipsNetwork,
} from "@revq/metrics/networks";
import * as tf from "@tensorflow/tfjs-core";
import type { MetricNetworks } from "./image-accumulator.js";

/** Paths of the networks' weights; null leaves a network out. */
export interface NetworkPaths {
  readonly lpips: string | null;
  readonly lpipsNet: LpipsNetwork;
  readonly inception: string | null;
}

/** Opens the networks that have a path. Throws `lpips-weights`, `inception-weights`. */
export async function openMetricNetworks(
  { lpips: lpipsSpec, lpipsNet, inception: inceptionSpec }: NetworkPaths,
  openWeights: (spec: string) => Promise<WeightsSource>,
): Promise<MetricNetworks & { dispose(): void }> {
  const open = async (spec: string, path: string): Promise<WeightsSource> =>
    openWeights(spec).catch((error: unknown) => {
      throw isRevqError(error) ? errorOf(error, path) : error;
    });
  const lpips = lpipsSpec === null ? null : await openLpips(await open(lpipsSpec, "score.lpips"), lpipsNet);
  try {
    const inception = inceptionSpec === null ? null : await openInception(await open(inceptionSpec, "score.inception"));
    return {
      ...(lpips ? { lpips } : {}),
      ...(inception ? { inception } : {}),
      dispose() {
        lpips?.dispose();
        inception?.dispose();
      },
    };
  } catch (error) {
    lpips?.dispose();
    throw error;
  }
}

/** The error of opening weights, about the setting that named them. */
function errorOf(cause: RevqError, path: string): RevqError {
  const { code, message, fix } = cause;
  return new RevqError(code, message, { ...(fix === undefined ? {} : { fix }), setting: { path }, cause });
}

const fileTypes = "(safetensors|sft|pth|pt|ckpt|bin)";

const inceptionFile = new RegExp(`inception[^/]*\\.${fileTypes}$`);

/** File names of the classifiers (torchvision's) and of the heads (those of LPIPS's authors). */
const lpipsFiles: Readonly<
  Record<LpipsNetwork, { readonly backbone: RegExp; readonly heads: RegExp; readonly classifier: string }>
> = {
  squeeze: { ...patterns("squeezenet1_1", "squeeze"), classifier: "squeezenet1_1" },
  alex: { ...patterns("alexnet", "alex"), classifier: "alexnet" },
  vgg: { ...patterns("vgg16", "vgg"), classifier: "vgg16" },
};

function patterns(classifier: string, network: string): { backbone: RegExp; heads: RegExp } {
  return {
    backbone: new RegExp(`(^|/)${classifier}([-_.][^/]*)?\\.${fileTypes}$`),
    heads: new RegExp(`(^|/)(lpips[^/]*_)?${network}(_lin)?\\.${fileTypes}$`),
  };
}

/**
 * @param source a folder with a classifier of torchvision (`squeezenet1_1*.safetensors`,
 * `alexnet*.pth`, `vgg16*.pth`, …) and the heads of LPIPS v0.1
 * (`lpips_v0.1_squeeze_lin.safetensors`, or `squeeze.pth` as in the authors' package). Throws
 * `lpips-weights`.
 */
export async function openLpips(source: WeightsSource, network: LpipsNetwork): Promise<Lpips> {
  const names = await source.list();
  const files = lpipsFiles[network];
  const [backbone, heads] = [
    names.find((name) => files.backbone.test(name)),
    names.find((name) => files.heads.test(name)),
  ];
  if (backbone === undefined || heads === undefined) {
    const missing = [
      ...(backbone === undefined
        ? [`torchvision's ${files.classifier} (${files.classifier}-*.pth or .safetensors)`]
        : []),
      ...(heads === undefined
        ? [`the heads of LPIPS v0.1 (${network}.pth or lpips_v0.1_${network}_lin.safetensors)`]
        : []),
    ];
    throw new RevqError(
      "lpips-weights",
      `LPIPS (${network}) needs ${missing.join(" and ")}, which ${source.spec} does not have.`,
      { fix: "Put both files into one folder and name that folder.", setting: { path: "score.lpips" } },
    );
  }
  const needed = lpipsTensors(network);
  const weights = {
    backbone: await readTensors(source, backbone, needed.backbone.keys()),
    heads: await readTensors(source, heads, needed.heads.keys()),
  };
  try {
    return createLpips(network, weights);
  } finally {
    tf.dispose(weights);
  }
}

/**
 * @param source pytorch-fid's `pt_inception-2015-12-05-*.pth`, or the same as safetensors; alone or
 * in a folder. Throws `inception-weights`.
 */
export async function openInception(source: WeightsSource): Promise<Inception> {
  const names = await source.list();
  const name = names.length === 1 ? names[0]! : names.find((one) => inceptionFile.test(one));
  if (name === undefined) {
    throw new RevqError(
      "inception-weights",
      `${source.spec} has no file of FID's Inception (pt_inception-2015-12-05-*.pth).`,
      { fix: "Name the file itself; pytorch-fid publishes it.", setting: { path: "score.inception" } },
    );
  }
  const weights = await readTensors(source, name, inceptionTensors().keys());
  try {
    return createInception(weights);
  } finally {
    tf.dispose(weights);
  }
}

async function readTensors(source: WeightsSource, name: string, wanted: Iterable<string>): Promise<NamedTensors> {
  const bytes = await source.open(name);
  const tensors: Record<string, tf.Tensor> = {};
  try {
    const file = await openTensorFile(bytes);
    for (const key of wanted) {
      const { shape, data } = await file.readFloat32(key);
      tensors[key] = tf.tensor(data, [...shape]);
    }
    return tensors;
  } catch (error) {
    tf.dispose(tensors);
    throw error;
  } finally {
    await bytes.close?.();
  }
}
