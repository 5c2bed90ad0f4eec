/**
 * WGSL of the fused search: distance and minimum in one pass, without a matrix of distances. Tiles
 * of codes go through workgroup memory. The text is the body of a program. The host declares
 * `latents`, `codebooks` (and `indices`) as read-only storage and `result` as writable storage. It
 * declares `uniforms` with i32 `samples, tokens, groups, codes, zero`, and sets `localIndex` and
 * `workgroupId`.
 *
 * A workgroup answers some queries of one group. `slices` neighbouring threads share `perThread`
 * queries; each takes every slices-th code of a tile.
 *
 * GPUs fuse multiply and add, which rounds once where the definition (reference.ts) rounds twice.
 * So the fused distance is a filter only. If it is within the rounding error of the best, the
 * distance is computed again with every rounding, and that value decides. This happens about ten
 * times a query.
 */
export interface SearchConfig {
  readonly dim: number;
  readonly workgroup: number;
  /** Threads that share the codes of one query: a power of two. */
  readonly slices: number;
  /** Queries a thread keeps in registers. */
  readonly perThread: number;
  /** Codes in a tile. */
  readonly tile: number;
}

/**
 * The configuration for so many queries a group. Tile and reduction fit 16 KiB of workgroup memory.
 */
export function chooseConfig(dim: number, queriesPerGroup: number, workgroup = 256): SearchConfig {
  const chunks = Math.ceil(dim / 4);
  const perThread = queriesPerGroup >= 2 * workgroup && chunks <= 4 ? (chunks <= 2 ? 4 : 2) : 1;
  let slices = 1;
  while (slices < workgroup && (workgroup / slices / 2) * perThread >= queriesPerGroup) slices *= 2;
  const tile = Math.max(1, Math.floor((16384 - workgroup * 8) / (chunks * 16)));
  return { dim, workgroup, slices, perThread, tile };
}

/** Queries that one workgroup answers. */
export function queriesPerWorkgroup({ workgroup, slices, perThread }: SearchConfig): number {
  return (workgroup / slices) * perThread;
}

const repeat = (count: number, text: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join("\n");

/** Four elements from `offset` on, the last ones zero if the row has only `count`. */
const vector = (array: string, offset: string, count: number): string =>
  `vec4<f32>(${[0, 1, 2, 3].map((i) => (i < count ? `${array}[${offset} + ${i}]` : "0.0")).join(", ")})`;

const componentsOf = (dim: number, chunk: number): number => Math.min(4, dim - chunk * 4);

/**
 * The definition's sum over one chunk, continued from `before`. The integer operation on each
 * square, with a zero that compilers do not know, prevents a fused multiply-add.
 */
const strictSum = `
fn strictly(before: f32, x: vec4<f32>, c: vec4<f32>) -> f32 {
  let t = x - c;
  let p = bitcast<vec4<f32>>(bitcast<vec4<i32>>(t * t) ^ vec4<i32>(uniforms.zero));
  return (((before + p.x) + p.y) + p.z) + p.w;
}
`;

/** The row in `[samples, tokens]` of query q of a group. */
const rowOf = `
fn rowOf(query: i32, group: i32, perSample: i32) -> i32 {
  return (query / perSample) * uniforms.tokens + group + (query % perSample) * uniforms.groups;
}
`;

/**
 * `result[row]` = index of the nearest code, for every row of `[samples, tokens]`. Dispatch:
 * [queries / queriesPerWorkgroup, groups].
 */
export function searchBody(config: SearchConfig): string {
  const { dim, workgroup, slices, perThread, tile } = config;
  const chunks = Math.ceil(dim / 4);
  // Both sums are within (dim + 2) units of 2^-24 of the true distance. Twice that, to be safe.
  const slack = 1 + 4 * (dim + 2) * 2 ** -24;
  return `
const maxFloat: f32 = 3.40282346e38;
var<workgroup> tile: array<vec4<f32>, ${tile * chunks}>;
var<workgroup> minDistance: array<f32, ${workgroup}>;
var<workgroup> minIndex: array<i32, ${workgroup}>;
${strictSum}
${rowOf}
fn main() {
  let group = i32(workgroupId.y);
  let perSample = (uniforms.tokens - group + uniforms.groups - 1) / uniforms.groups;
  let queries = perSample * uniforms.samples;
  let slice = i32(localIndex) % ${slices};
  let first = (i32(workgroupId.x) * ${workgroup / slices} + i32(localIndex) / ${slices}) * ${perThread};
  ${repeat(
    perThread,
    (q) => `
  let row${q} = rowOf(clamp(first + ${q}, 0, max(queries - 1, 0)), group, max(perSample, 1));
  ${repeat(chunks, (k) => `let x${q}_${k} = ${vector("latents", `row${q} * ${dim} + ${4 * k}`, componentsOf(dim, k))};`)}
  var best${q} = maxFloat;
  var limit${q} = maxFloat;
  var index${q} = 0x7fffffff;`,
  )}

  let codebook = group * uniforms.codes * ${dim};
  for (var base = 0; base < uniforms.codes; base += ${tile}) {
    let count = min(${tile}, uniforms.codes - base);
    workgroupBarrier();
    for (var i = i32(localIndex); i < count * ${chunks}; i += ${workgroup}) {
      let offset = codebook + (base + i / ${chunks}) * ${dim} + (i % ${chunks}) * 4;
      ${
        dim % 4 === 0
          ? `tile[i] = ${vector("codebooks", "offset", 4)};`
          : `if (i % ${chunks} == ${chunks - 1}) { tile[i] = ${vector("codebooks", "offset", componentsOf(dim, chunks - 1))}; }
      else { tile[i] = ${vector("codebooks", "offset", 4)}; }`
      }
    }
    workgroupBarrier();
    for (var c = slice; c < count; c += ${slices}) {
      ${repeat(chunks, (k) => `let c${k} = tile[c * ${chunks} + ${k}];`)}
      ${repeat(
        perThread,
        (q) => `
      {
        ${repeat(chunks, (k) => `let t${k} = x${q}_${k} - c${k};`)}
        let fused = ${Array.from({ length: chunks }, (_, k) => `dot(t${k}, t${k})`).join(" + ")};
        if (fused <= limit${q}) {
          var strict = 0.0;
          ${repeat(chunks, (k) => `strict = strictly(strict, x${q}_${k}, c${k});`)}
          // Codes ascend, so of equal ones the first stays. Sums that overflow exceed maxFloat.
          if (strict < best${q} || (strict == best${q} && index${q} == 0x7fffffff)) {
            best${q} = strict;
            index${q} = base + c;
            limit${q} = min(maxFloat, strict * ${slack.toPrecision(12)} + 1e-37);
          }
        }
      }`,
      )}
    }
  }
  ${repeat(
    perThread,
    (q) => `
  ${
    slices === 1
      ? ""
      : `
  workgroupBarrier();
  minDistance[localIndex] = best${q};
  minIndex[localIndex] = index${q};
  for (var step = ${slices / 2}; step > 0; step /= 2) {
    workgroupBarrier();
    if (slice < step) {
      let other = localIndex + u32(step);
      if (minDistance[other] < minDistance[localIndex]
        || (minDistance[other] == minDistance[localIndex] && minIndex[other] < minIndex[localIndex])) {
        minDistance[localIndex] = minDistance[other];
        minIndex[localIndex] = minIndex[other];
      }
    }
  }
  workgroupBarrier();
  index${q} = minIndex[localIndex];`
  }
  if (slice == 0 && first + ${q} < queries) { result[row${q}] = select(index${q}, 0, index${q} == 0x7fffffff); }`,
  )}
}
`;
}

/**
 * `result[row]` = the definition's distance to code `indices[row]`. Dispatch: rows / 256, over two
 * dimensions of at most 65,535.
 */
export function distanceBody(dim: number): string {
  const chunks = Math.ceil(dim / 4);
  return `
${strictSum}
fn main() {
  let row = (i32(workgroupId.y) * 65535 + i32(workgroupId.x)) * 256 + i32(localIndex);
  if (row >= uniforms.samples * uniforms.tokens) { return; }
  let group = (row % uniforms.tokens) % uniforms.groups;
  let code = (group * uniforms.codes + indices[row]) * ${dim};
  var strict = 0.0;
  ${repeat(
    chunks,
    (k) =>
      `strict = strictly(strict, ${vector("latents", `row * ${dim} + ${4 * k}`, componentsOf(dim, k))}, ${vector("codebooks", `code + ${4 * k}`, componentsOf(dim, k))});`,
  )}
  result[row] = strict;
}
`;
}

/** Workgroups for `count` items, in two dimensions of at most 65,535. */
export function flatDispatch(count: number, perWorkgroup = 256): [number, number, number] {
  const groups = Math.max(1, Math.ceil(count / perWorkgroup));
  return [Math.min(groups, 65535), Math.ceil(groups / 65535), 1];
}
