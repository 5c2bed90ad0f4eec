// The steps of k-means beside the search (AssemblyScript): what moved codes make necessary, sums
// and means of clusters. A cluster is the queries of one code.

import { codeDistance } from "./distance";

/**
 * Splits n queries by what a search must look at after some codes have moved (moved [codes] u8).
 * A query that is no further from its code than before can only have come nearer to codes that
 * moved. Such queries are listed from the end of `lists` [n] i32 downwards, all others from its
 * start upwards. Returns the number of the others. `distances` are updated.
 */
export function splitQueries(codes: usize, d: i32, queries: usize, n: i32, answers: usize, distances: usize, moved: usize, lists: usize): i32 {
  let further = 0;
  let rest = n;
  for (let k = 0; k < n; k++) {
    const code = <usize>load<u32>(answers + (<usize>k << 2));
    let isFurther = false;
    if (load<u8>(moved + code)) {
      const distance = codeDistance(d, queries + <usize>k * d * 4, codes + code * d * 4);
      isFurther = distance > load<f32>(distances + (<usize>k << 2));
      store<f32>(distances + (<usize>k << 2), distance);
    }
    rest -= <i32>!isFurther;
    store<i32>(lists + (<usize>(isFurther ? further : rest) << 2), k);
    further += <i32>isFurther;
  }
  return further;
}

/**
 * Adds queries to the sums of a pass, in their order: counts [codes], distortions [codes] and
 * sums [codes][d] f64. Same operations in the same order as `addToClusters` in
 * src/kmeans/clusters.ts, so that both give the same bits.
 */
export function addToClusters(d: i32, queries: usize, n: i32, indices: usize, distances: usize, counts: usize, sums: usize, distortions: usize): void {
  for (let k = 0; k < n; k++) {
    const cluster = <usize>load<u32>(indices + (<usize>k << 2));
    store<f64>(counts + (cluster << 3), load<f64>(counts + (cluster << 3)) + 1);
    store<f64>(distortions + (cluster << 3), load<f64>(distortions + (cluster << 3)) + <f64>load<f32>(distances + (<usize>k << 2)));
    const query = queries + <usize>k * d * 4;
    const sum = sums + cluster * d * 8;
    let i = 0;
    for (; i < d - 1; i += 2) {
      const at = sum + (<usize>i << 3);
      v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(v128.load64_zero(query + (<usize>i << 2)))));
    }
    if (i < d) {
      const at = sum + (<usize>i << 3);
      store<f64>(at, load<f64>(at) + <f64>load<f32>(query + (<usize>i << 2)));
    }
  }
}

/**
 * Moves every code with hits to its cluster's mean; its distortion becomes the one around the mean.
 * moved [codes] u8 is 1 for the codes that this changed. Returns the number of codes without hits.
 * Same operations in the same order as `moveToMeans` in src/kmeans/clusters.ts.
 */
export function moveToMeans(count: i32, d: i32, counts: usize, sums: usize, distortions: usize, codes: usize, moved: usize): i32 {
  let empty = 0;
  memory.fill(moved, 0, count);
  for (let cluster = 0; cluster < count; cluster++) {
    const hits = load<f64>(counts + (<usize>cluster << 3));
    if (hits === 0) { empty++; continue; }
    let way: f64 = 0;
    for (let i = 0; i < d; i++) {
      const at = <usize>(cluster * d + i);
      const mean = load<f64>(sums + (at << 3)) / hits;
      const step = mean - <f64>load<f32>(codes + (at << 2));
      way += step * step;
      if (<f32>mean !== load<f32>(codes + (at << 2))) store<u8>(moved + cluster, 1);
      store<f32>(codes + (at << 2), <f32>mean);
    }
    const distortion = distortions + (<usize>cluster << 3);
    store<f64>(distortion, max(0, load<f64>(distortion) - hits * way));
  }
  return empty;
}
