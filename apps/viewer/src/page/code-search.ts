/**
 * Search in one codebook, on the page: the codebook is small, and hovering asks for one code at a
 * time.
 */
import type { Codebook } from "../protocol/messages.js";

export interface NearCode {
  readonly code: number;
  /** Euclidean, in the standardized latent. */
  readonly distance: number;
}

/** The codes nearest to `code`, itself left out, nearest first. */
export function nearestTo({ vectors, dim }: Codebook, code: number, count: number): NearCode[] {
  const codes = vectors.length / dim;
  const near: NearCode[] = [];
  for (let other = 0; other < codes; other++) {
    if (other === code) continue;
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += (vectors[other * dim + i]! - vectors[code * dim + i]!) ** 2;
    const distance = Math.sqrt(sum);
    if (near.length === count && distance >= near[count - 1]!.distance) continue;
    let at = near.length;
    while (at > 0 && near[at - 1]!.distance > distance) at--;
    near.splice(at, 0, { code: other, distance });
    if (near.length > count) near.pop();
  }
  return near;
}

/** The code nearest to the middle between two codes; the lower one of equals. */
export function codeBetween({ vectors, dim }: Codebook, a: number, b: number): number {
  let best = a;
  let min = Infinity;
  for (let code = 0; code < vectors.length / dim; code++) {
    let sum = 0;
    for (let i = 0; i < dim && sum < min; i++) {
      const middle = (vectors[a * dim + i]! + vectors[b * dim + i]!) / 2;
      sum += (vectors[code * dim + i]! - middle) ** 2;
    }
    if (sum < min) [best, min] = [code, sum];
  }
  return best;
}

export function codeOfLeastNorm({ vectors, dim }: Codebook): number {
  let best = 0;
  let min = Infinity;
  for (let code = 0; code < vectors.length / dim; code++) {
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += vectors[code * dim + i]! ** 2;
    if (sum < min) [best, min] = [code, sum];
  }
  return best;
}

export function vectorOf({ vectors, dim }: Codebook, code: number): Float32Array {
  return vectors.subarray(code * dim, (code + 1) * dim);
}
