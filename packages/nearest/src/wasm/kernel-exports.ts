/** Exports of the compiled kernel: addresses and counts. kernel/*.as document them. */

/** Of search.as and tree.as. */
export interface TreeKernel {
  treeBytes(codes: number, dim: number): number;
  idsAt(codes: number, dim: number): number;
  buildTree(codes: number, count: number, dim: number, tree: number, leafSize: number): void;
  buildTop(codes: number, count: number, dim: number, tree: number, levels: number): void;
  buildPart(count: number, dim: number, tree: number, leafSize: number, levels: number, part: number): void;
  partStart(count: number, levels: number, part: number): number;
  boxes(count: number, dim: number, tree: number): void;
  refitTree(codes: number, count: number, dim: number, tree: number, ids: number): void;
  packCodes(codes: number, count: number, dim: number, tree: number): void;
  search(
    tree: number,
    codes: number,
    count: number,
    dim: number,
    queries: number,
    list: number,
    n: number,
    out: number,
    distances: number,
    guessed: number,
  ): void;
  searchAll(
    tree: number,
    count: number,
    dim: number,
    queries: number,
    n: number,
    out: number,
    distances: number,
    first: number,
    last: number,
  ): void;
}

/** Of int16.as. */
export interface Int16Kernel {
  int16Bytes(codes: number, dim: number): number;
  int16QueryBytes(n: number, dim: number): number;
  int16Pack(codes: number, count: number, dim: number, to: number): void;
  int16Queries(
    packed: number,
    codes: number,
    count: number,
    dim: number,
    queries: number,
    n: number,
    to: number,
    out: number,
    distances: number,
    guessed: number,
  ): void;
  int16Search(
    packed: number,
    codes: number,
    count: number,
    dim: number,
    queries: number,
    prepared: number,
    n: number,
    out: number,
    distances: number,
    first: number,
    last: number,
  ): void;
}

/** Of clusters.as and kmeans.as. */
export interface ClustersKernel {
  clustersBytes(n: number, codes: number, dim: number): number;
  searchClusters(
    tree: number,
    count: number,
    codes: number,
    clusters: number,
    dim: number,
    queries: number,
    list: number,
    n: number,
    out: number,
    distances: number,
    scratch: number,
  ): void;
  splitQueries(
    codes: number,
    dim: number,
    queries: number,
    n: number,
    answers: number,
    distances: number,
    moved: number,
    lists: number,
  ): number;
  addToClusters(
    dim: number,
    queries: number,
    n: number,
    indices: number,
    distances: number,
    counts: number,
    sums: number,
    distortions: number,
  ): void;
  moveToMeans(
    count: number,
    dim: number,
    counts: number,
    sums: number,
    distortions: number,
    codes: number,
    moved: number,
  ): number;
}
