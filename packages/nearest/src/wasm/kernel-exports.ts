/** What the compiled kernel exports, as runners call it: addresses and counts. kernel/*.as say what each does. */

/** Of search.as and tree.as. */
export interface TreeKernel {
  treeBytes(codes: number, dim: number): number;
  idsAt(codes: number, dim: number): number;
  buildTree(codes: number, count: number, dim: number, tree: number, cell: number): void;
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

/** Of sift.as. */
export interface SiftKernel {
  siftBytes(codes: number, dim: number): number;
  siftQueryBytes(dim: number): number;
  siftPack(codes: number, count: number, dim: number, to: number): void;
  siftQueries(
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
  siftSearch(
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

/** Of cells.as. */
export interface CellsKernel {
  cellsBytes(n: number, codes: number, dim: number): number;
  searchCells(
    tree: number,
    count: number,
    codes: number,
    cells: number,
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
  addToCells(
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
