/**
 * Reads the authors' checkpoints (github.com/Neur-IO/ReVQ): `quantizer` with `embeddings` [G,K,d] and `index_offset` [T],
 * and `decoder` with the rectifier. Their training state is ignored. All sizes are read from the tensors.
 */
import { RevqError, type LatentShape } from "@revq/core";
import { openTensorFile, type TensorFile } from "@revq/formats";
import { fromFile } from "@revq/formats/node";

export interface ArrayOfFile {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface AuthorsCheckpoint {
  readonly latentShape: LatentShape;
  readonly tokens: number;
  readonly groups: number;
  readonly codes: number;
  /** `[G, K, d]` */
  readonly codebooks: ArrayOfFile;
  /** With the names of the rectifier `efficientvit`. */
  readonly rectifier: Readonly<Record<string, ArrayOfFile>>;
  readonly rectifierSizes: {
    readonly channels: number;
    readonly layers: number;
    readonly headDim: number;
    readonly expandRatio: number;
  };
}

/** Throws `import-checkpoint` for another file, and the errors of the file format. */
export async function readAuthorsCheckpoint(path: string): Promise<AuthorsCheckpoint> {
  const file = await openTensorFile(await fromFile(path));
  const refuse = (problem: string): RevqError =>
    new RevqError("import-checkpoint", `${path} is not a checkpoint of the ReVQ authors' code: ${problem}.`, {
      fix: 'It must be the whole ckpt.pth, with "quantizer" (embeddings) and "decoder" (the rectifier).',
    });
  const names = [...file.tensors.keys()];
  // DistributedDataParallel puts "module." before the names.
  const find = (name: string): string | undefined => names.find((one) => one.replace(/(^|\.)module\./, "$1") === name);
  const embeddings = find("quantizer.embeddings");
  if (embeddings === undefined) throw refuse(`it has no quantizer.embeddings (it has ${shown(names)})`);
  const [groups, codes, dim, ...rest] = file.tensors.get(embeddings)!.shape;
  if (groups === undefined || codes === undefined || dim === undefined || rest.length > 0)
    throw refuse(
      `quantizer.embeddings has shape [${file.tensors.get(embeddings)!.shape}], expected [groups, codes, d]`,
    );

  const offsets = find("quantizer.index_offset");
  const tokens = offsets === undefined ? groups : await checkedTokens(file, offsets, groups, codes, refuse);
  const rectifier: Record<string, ArrayOfFile> = {};
  for (const name of names) {
    const match = /^(?:module\.)?decoder\.(?:module\.)?(.+)$/.exec(name);
    if (match) rectifier[match[1]!] = await file.readFloat32(name);
  }
  const first = rectifier["conv_in.weight"]?.shape;
  if (first?.length !== 4) throw refuse("its decoder is not an EfficientViT rectifier: it has no conv_in.weight");
  const channels = first[1]!;
  const side = Math.sqrt((tokens * dim) / channels);
  if (!Number.isInteger(side))
    throw refuse(`${tokens} tokens of ${dim} elements do not fill a square latent of ${channels} channels`);
  return {
    latentShape: { channels, height: side, width: side },
    tokens,
    groups,
    codes,
    codebooks: await file.readFloat32(embeddings),
    rectifier,
    rectifierSizes: rectifierSizes(rectifier, first[0]!, refuse),
  };
}

/** T. The offsets must be those of `group(t) = t % G`, the only order that revq has. */
async function checkedTokens(
  file: TensorFile,
  name: string,
  groups: number,
  codes: number,
  refuse: (problem: string) => RevqError,
): Promise<number> {
  const { data } = await file.read(name);
  data.forEach((value: number | bigint, token: number) => {
    const expected = (token % groups) * codes;
    if (Number(value) !== expected)
      throw refuse(`quantizer.index_offset is ${value} for token ${token}, expected ${expected} (group t % G)`);
  });
  return data.length;
}

function rectifierSizes(
  tensors: Readonly<Record<string, ArrayOfFile>>,
  channels: number,
  refuse: (problem: string) => RevqError,
): AuthorsCheckpoint["rectifierSizes"] {
  const blocks = Object.keys(tensors).map((name) => Number(/^up_blocks\.0\.(\d+)\./.exec(name)?.[1] ?? -1));
  const layers = Math.max(-1, ...blocks) + 1;
  const headDim = tensors["up_blocks.0.0.attn.to_qkv_multiscale.0.proj_out.weight"]?.shape[1];
  const wide = tensors["up_blocks.0.0.conv_out.conv_inverted.weight"]?.shape[0];
  if (layers === 0 || headDim === undefined || wide === undefined)
    throw refuse("its decoder has no EfficientViT blocks (up_blocks.0.*); CNN and MLP rectifiers are not imported");
  return { channels, layers, headDim, expandRatio: wide / 2 / channels };
}

function shown(names: readonly string[]): string {
  return names.slice(0, 6).join(", ") + (names.length > 6 ? `, … (${names.length} tensors)` : "") || "no tensors";
}
