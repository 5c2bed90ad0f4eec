/**
 * Reads the tensors that a network needs, one at a time. First checks that the file has each of
 * them and no other.
 */
import { nearestNames, RevqError } from "@revq/core";
import type { TensorFile } from "../tensor-file.js";

export interface ReadExpectedOptions {
  /** For messages: "the AutoencoderKL of config.json". */
  readonly model: string;
  /** What to do where tensors are missing or too many. Default: about config.json. */
  readonly fix?: string;
  /** Other names of a tensor in files, such as those of older versions. */
  readonly otherNames?: (name: string) => readonly string[];
  /** Tensors that the file may have and that are ignored. */
  readonly ignore?: (name: string) => boolean;
}

const floatingPoint = /^(BF16|F16|F32|F64)$/;

/** Problems that an error lists. */
const maxProblems = 4;

/**
 * Yields every expected tensor as float32 in the expected shape, in the order of `expected`.
 * `[out, in, 1, 1]` and `[out, in]` count as the same shape. One tensor is in memory at a time.
 * @param expected name -> shape
 * @throws RevqError `model-tensors`, before anything is read: lists the tensors that are missing,
 * misshapen or too many, with near names
 */
export async function* readExpected(
  file: TensorFile,
  expected: ReadonlyMap<string, readonly number[]>,
  options: ReadExpectedOptions,
): AsyncGenerator<{ readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }> {
  const sources = matchTensors(file, expected, options);
  for (const [name, shape] of expected) {
    const { data } = await file.readFloat32(sources.get(name)!);
    yield { name, shape, data };
  }
}

/** Expected name -> name in the file. */
function matchTensors(
  file: TensorFile,
  expected: ReadonlyMap<string, readonly number[]>,
  { model, fix, otherNames = () => [], ignore = () => false }: ReadExpectedOptions,
): Map<string, string> {
  const problems: string[] = [];
  const otherDtypes = new Map<string, string[]>();
  const sources = new Map<string, string>();
  const taken = new Set<string>();
  for (const [name, shape] of expected) {
    const source = [name, ...otherNames(name)].find((candidate) => file.tensors.has(candidate));
    if (source === undefined) continue;
    sources.set(name, source);
    taken.add(source);
    const found = file.tensors.get(source)!;
    if (withoutUnits(found.shape).join() !== withoutUnits(shape).join())
      problems.push(`"${source}" has shape [${found.shape}], expected [${shape}]`);
    else if (!floatingPoint.test(found.dtype)) {
      otherDtypes.set(found.dtype, [...(otherDtypes.get(found.dtype) ?? []), source]);
    }
  }
  const extra = [...file.tensors.keys()].filter((name) => !taken.has(name) && !ignore(name));
  const missing = [...expected.keys()].filter((name) => !sources.has(name));
  for (const name of missing) problems.push(`"${name}" is missing${nearest(name, extra, "there is")}`);
  for (const name of extra) problems.push(`"${name}" is not part of it${nearest(name, missing, "missing is")}`);
  const onlyDtypes = problems.length === 0;
  for (const [dtype, names] of otherDtypes) {
    const more = names.length > 1 ? ` and ${names.length - 1} more are` : " is";
    problems.push(`"${names[0]!}"${more} ${dtype}; weights are read from F64, F32, F16 and BF16`);
  }
  if (problems.length === 0) return sources;
  const more = problems.length > maxProblems ? `; and ${problems.length - maxProblems} more` : "";
  throw new RevqError(
    "model-tensors",
    `${file.name} does not hold the weights of ${model}: ${problems.slice(0, maxProblems).join("; ")}${more}.`,
    {
      fix: onlyDtypes
        ? "Use the model in float16, bfloat16 or float32."
        : (fix ?? "Are the weights those of another model, or is config.json?"),
    },
  );
}

function withoutUnits(shape: readonly number[]): readonly number[] {
  const end = shape.findLastIndex((size) => size !== 1);
  return shape.slice(0, end + 1);
}

function nearest(name: string, candidates: readonly string[], what: string): string {
  const [near] = nearestNames(name, candidates);
  return near === undefined ? "" : ` (${what} "${near}")`;
}
