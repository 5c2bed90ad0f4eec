/**
 * Nanoseconds of each search method, measured on Gaussian data (Zen 3 and 4, one thread). Only their
 * ratios matter. Real latents are clustered, which helps the tree.
 */
export interface SearchCosts {
  /** To prepare a group's codes: pack them, sort them into a tree, round them for `int16`. */
  readonly pack: number;
  readonly sort: number;
  readonly int16Pack: number;
  /** For a query. */
  readonly brute: number;
  readonly tree: number;
  readonly int16: number;
}

export function searchCosts(codes: number, dim: number): SearchCosts {
  const brute = codes * (0.1 + 0.083 * dim);
  return {
    pack: codes * (2.5 + 0.5 * dim),
    sort: codes <= 16 ? 0 : codes * (1.8 + 0.25 * dim) * Math.log2(codes / 16),
    int16Pack: codes * 2.4 * dim,
    brute,
    tree: codes > 64 ? Math.min(brute * 1.2, (30 + 7 * dim * dim) * (codes / 1024) ** (0.2 + 0.035 * dim)) : Infinity,
    int16: 130 + 5 * dim + codes * (0.12 + 0.032 * dim),
  };
}
