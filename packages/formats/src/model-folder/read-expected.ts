/** Reads the tensors that a network needs, one at a time, after checking that the file has each of them and nothing else. */
import { nearestNames, RevqError } from "@revq/core";
import type { TensorFile } from "../tensor-file.js";

export interface ReadExpectedOptions {
  /** For messages: "the AutoencoderKL of config.json". */
  readonly model: string;
  /** Other names that a tensor may have in files, for instance those of older versions. */
  readonly otherNames?: (name: string) => readonly string[];
  /** Tensors that may be there and are left alone. */
  readonly ignore?: (name: string) => boolean;
}

const floatingPoint = /^(BF16|F16|F32|F64)$/;

/** How many problems an error names. */
const shownProblems = 4;

/**
 * Yields every expected tensor as float32 in the expected shape (`[out, in, 1, 1]` counts as `[out, in]` and the reverse), in the order of
 * `expected`; only one is in memory at a time. Throws `model-tensors`, which names what is missing, misshapen or too many with the
 * nearest expected name, before anything is read.
 * @param expected name -> shape
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
  { model, otherNames = () => [], ignore = () => false }: ReadExpectedOptions,
): Map<string, string> {
  const problems: string[] = [];
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
    else if (!floatingPoint.test(found.dtype)) problems.push(`"${source}" is ${found.dtype}, not floating point`);
  }
  const extra = [...file.tensors.keys()].filter((name) => !taken.has(name) && !ignore(name));
  const missing = [...expected.keys()].filter((name) => !sources.has(name));
  for (const name of missing) problems.push(`"${name}" is missing${nearest(name, extra, "there is")}`);
  for (const name of extra) problems.push(`"${name}" is not part of it${nearest(name, missing, "missing is")}`);
  if (problems.length === 0) return sources;
  const more = problems.length > shownProblems ? `; and ${problems.length - shownProblems} more` : "";
  throw new RevqError(
    "model-tensors",
    `${file.name} does not hold the weights of ${model}: ${problems.slice(0, shownProblems).join("; ")}${more}.`,
    { fix: "Are the weights those of another model, or is config.json?" },
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
