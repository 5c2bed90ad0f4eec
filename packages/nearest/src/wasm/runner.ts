/**
 * Runs search tasks in one WebAssembly instance: moves queries and codebooks in, answers out. The same function works on the
 * calling thread and, as its own source text, in workers: it must use nothing from outside of itself but types.
 */
import type { CellsKernel, SiftKernel, TreeKernel } from "./kernel-exports.js";
import type { CellMoves, SearchTask } from "./task.js";

type Method = Exclude<SearchTask["method"], "auto">;

/** Works on a task until no job is left, or for about `budgetMs`; true when no job was left. */
export type Runner = (task: SearchTask, budgetMs: number) => boolean;

export function createRunner(module: WebAssembly.Module): Runner {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as TreeKernel &
    SiftKernel &
    CellsKernel;
  const plainTile = 512; // queries at a time: few enough for the cache, and the engine can change to its optimized code in between
  const largeTile = 16384; // many, so that cells are full, but few enough for the second-level cache
  const start = 1024;
  type Places = ReturnType<typeof place>;
  let builtTask = -1;
  let builtGroup = -1;
  let built: Method = "brute";
  let movedCodes = -1; // of the group, when its moves decide what is searched

  function cellsApply({ dim, method, guessed }: SearchTask): boolean {
    return guessed && (dim === 4 || dim === 8) && (method === "cells" || method === "auto");
  }

  /** Addresses of everything that one task needs; grows the memory. */
  function place(task: SearchTask) {
    const { codes, dim, moves } = task;
    const tile = cellsApply(task) || moves ? largeTile : plainTile;
    const tree = Math.max(kernel.treeBytes(codes, dim), kernel.siftBytes(codes, dim));
    let end = start;
    const take = (bytes: number): number => {
      const at = end;
      end = Math.ceil((end + bytes) / 64) * 64;
      return at;
    };
    const at = {
      queries: take(tile * dim * 4),
      indices: take(tile * 4),
      distances: take(tile * 4),
      codes: take(codes * dim * 4 + 16),
      ids: take(codes * 4),
      prepared: take(Math.max(plainTile * kernel.siftQueryBytes(dim), kernel.cellsBytes(tile, codes, dim))),
      tree: take(tree),
      movedTree: take(moves ? tree : 0),
      movedIds: take(moves ? codes * 4 : 0),
      moved: take(moves ? codes : 0),
      lists: take(moves ? tile * 4 : 0),
      counts: take(moves ? codes * 8 : 0),
      distortions: take(moves ? codes * 8 : 0),
      sums: take(moves ? codes * dim * 8 : 0),
      end: 0,
    };
    at.end = end;
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return at;
  }

  /** What should be fastest for a group: `queries` that its codes are made ready for, `together` in one job. */
  function choose(task: SearchTask, refit: boolean, queries: number, together: number): Method {
    const { codes, order, costs } = task;
    const brute = costs.pack + queries * costs.brute;
    const sift = costs.siftPack + queries * costs.sift;
    const sort = refit ? 0 : costs.sort / (order ? 16 : 1); // an order that is kept serves the next searches too
    const tree = costs.pack * 1.6 + sort + queries * costs.tree;
    // Measured level with the tree at d = 8 and twice as fast at d = 4; cells must not be too empty for it.
    if (cellsApply(task) && codes > 64 && Math.min(together, largeTile) >= 4 * codes) return "cells";
    return tree <= Math.min(brute, sift) ? "tree" : brute <= sift ? "brute" : "sift";
  }

  function prepare(task: SearchTask, group: number, queries: number, together: number, at: Places): void {
    if (builtTask === task.id && builtGroup === group) return;
    const { codes, dim, order, ready } = task;
    const refit = ready !== null && Atomics.load(ready, group) === 1;
    new Float32Array(memory.buffer, at.codes, codes * dim).set(
      task.codebooks.subarray(group * codes * dim, (group + 1) * codes * dim),
    );
    const wanted = task.method === "cells" && !cellsApply(task) ? "auto" : task.method;
    built = wanted === "auto" ? choose(task, refit, queries, together) : wanted;
    if (built === "brute") kernel.packCodes(at.codes, codes, dim, at.tree);
    else if (built === "sift") kernel.siftPack(at.codes, codes, dim, at.tree);
    else if (order && refit) {
      new Int32Array(memory.buffer, at.ids, codes).set(order.subarray(group * codes, (group + 1) * codes));
      kernel.refitTree(at.codes, codes, dim, at.tree, at.ids);
    } else {
      // Few queries: the last levels of the tree would cost more than they save, unless the order is kept for later.
      kernel.buildTree(at.codes, codes, dim, at.tree, order || queries * 4 > codes ? 16 : 64);
      if (order && ready && Atomics.compareExchange(ready, group, 0, 2) === 0) {
        order.set(new Int32Array(memory.buffer, at.tree + kernel.idsAt(codes, dim), codes), group * codes);
        Atomics.store(ready, group, 1);
      }
    }
    builtTask = task.id;
    builtGroup = group;
  }

  /** Counts the group's moved codes and, when they are few, gives them a tree of their own. */
  function prepareMoves({ codes, dim, guessed }: SearchTask, moves: CellMoves, group: number, at: Places): void {
    movedCodes = -1;
    if (!guessed || (built !== "tree" && built !== "cells")) return;
    const flags = moves.moved.subarray(group * codes, (group + 1) * codes);
    const order = new Int32Array(memory.buffer, at.tree + kernel.idsAt(codes, dim), codes);
    const moved = new Int32Array(memory.buffer, at.movedIds, codes);
    let count = 0;
    for (let k = 0; k < codes; k++) if (flags[order[k]!]) moved[count++] = order[k]!;
    if (count * 2 > codes) return; // then nearly every query is concerned
    new Uint8Array(memory.buffer, at.moved, codes).set(flags);
    if (count > 0) kernel.refitTree(at.codes, count, dim, at.movedTree, at.movedIds);
    movedCodes = count;
  }

  /** Searches in a tree of `count` codes for the n listed queries, or for the first n. */
  function searchIn(task: SearchTask, at: Places, tree: number, count: number, list: number, n: number): void {
    const { codes, dim, guessed } = task;
    const { queries, indices, distances } = at;
    if (built === "cells") {
      kernel.searchCells(tree, count, at.codes, codes, dim, queries, list, n, indices, distances, at.prepared);
    } else kernel.search(tree, at.codes, count, dim, queries, list, n, indices, distances, guessed ? 1 : 0);
  }

  function searchTile(task: SearchTask, group: number, first: number, n: number, at: Places): void {
    const { codes, dim, tokens, tokenList, tokenStart, latents } = task;
    const list = tokenStart[group]!;
    const perSample = tokenStart[group + 1]! - list;
    const queries = new Float32Array(memory.buffer, at.queries, n * dim);
    const indices = new Int32Array(memory.buffer, at.indices, n);
    const distances = new Float32Array(memory.buffer, at.distances, n);
    const whole = task.grouped || perSample === tokens; // the group's queries lie as they are
    const base = task.grouped ? list * task.samples + first : first;
    if (whole) {
      queries.set(latents.subarray(base * dim, (base + n) * dim));
      if (task.guessed) indices.set(task.indices.subarray(base, base + n));
    } else {
      let sample = Math.floor(first / perSample);
      let t = first % perSample;
      for (let k = 0; k < n; k++) {
        const row = sample * tokens + tokenList[list + t]!;
        for (let i = 0; i < dim; i++) queries[k * dim + i] = latents[row * dim + i]!;
        if (task.guessed) indices[k] = task.indices[row]!;
        if (++t === perSample) {
          t = 0;
          sample++;
        }
      }
    }
    const leaves = Math.ceil(codes / 16);
    if (movedCodes >= 0 && task.moves) {
      distances.set(task.distances.subarray(base, base + n));
      const further = kernel.splitQueries(at.codes, dim, at.queries, n, at.indices, at.distances, at.moved, at.lists);
      if (further > 0) searchIn(task, at, at.tree, codes, at.lists, further);
      const settled = at.lists + further * 4;
      if (movedCodes > 0 && further < n) searchIn(task, at, at.movedTree, movedCodes, settled, n - further);
    } else if (built === "tree" || built === "cells") {
      searchIn(task, at, at.tree, codes, 0, n);
    } else if (built === "sift") {
      kernel.siftQueries(
        at.tree,
        at.codes,
        codes,
        dim,
        at.queries,
        n,
        at.prepared,
        at.indices,
        at.distances,
        task.guessed ? 1 : 0,
      );
      const step = Math.max(4, Math.floor(1024 / dim)); // 32 KiB of codes
      for (let leaf = 0; leaf < leaves; leaf += step) {
        const last = Math.min(leaves, leaf + step);
        kernel.siftSearch(
          at.tree,
          at.codes,
          codes,
          dim,
          at.queries,
          at.prepared,
          n,
          at.indices,
          at.distances,
          leaf,
          last,
        );
      }
    } else {
      indices.fill(0);
      distances.fill(Infinity);
      const step = Math.max(1, Math.floor(256 / dim)); // 16 KiB of codes
      for (let leaf = 0; leaf < leaves; leaf += step) {
        const last = Math.min(leaves, leaf + step);
        kernel.searchAll(at.tree, codes, dim, at.queries, n, at.indices, at.distances, leaf, last);
      }
    }
    if (task.moves) {
      kernel.addToCells(dim, at.queries, n, at.indices, at.distances, at.counts, at.sums, at.distortions);
    }
    if (whole) {
      task.indices.set(indices, base);
      task.distances.set(distances, base);
      return;
    }
    let sample = Math.floor(first / perSample);
    let t = first % perSample;
    for (let k = 0; k < n; k++) {
      const row = sample * tokens + tokenList[list + t]!;
      task.indices[row] = indices[k]!;
      task.distances[row] = distances[k]!;
      if (++t === perSample) {
        t = 0;
        sample++;
      }
    }
  }

  /** Of a whole group that was searched. */
  function moveCells({ codes, dim }: SearchTask, moves: CellMoves, group: number, at: Places): void {
    const distortions = new Float64Array(memory.buffer, at.distortions, codes);
    let total = 0;
    for (let code = 0; code < codes; code++) total += distortions[code]!;
    moves.totals[group] = total;
    const empty = kernel.moveToMeans(codes, dim, at.counts, at.sums, at.distortions, at.codes, at.moved);
    moves.emptyCells[group] = empty;
    moves.codebooks.set(new Float32Array(memory.buffer, at.codes, codes * dim), group * codes * dim);
    moves.counts.set(new Float64Array(memory.buffer, at.counts, codes), group * codes);
    moves.moved.set(new Uint8Array(memory.buffer, at.moved, codes), group * codes);
    if (empty > 0) moves.distortions.set(distortions, group * codes);
  }

  return (task, budgetMs) => {
    const { control, chunks, samples, tokenStart } = task;
    const jobs = (tokenStart.length - 1) * chunks;
    const at = place(task);
    const end = performance.now() + budgetMs;
    for (;;) {
      const job = Atomics.add(control, 0, 1);
      if (job >= jobs) return true;
      const group = Math.floor(job / chunks);
      const chunk = job % chunks;
      const queries = samples * (tokenStart[group + 1]! - tokenStart[group]!);
      const first = Math.floor((queries * chunk) / chunks);
      const last = Math.floor((queries * (chunk + 1)) / chunks);
      const ownQueries = chunks > 1 ? queries / task.runners : queries;
      if (first < last || task.moves) prepare(task, group, ownQueries, last - first, at);
      if (task.moves) {
        new Uint8Array(memory.buffer, at.counts, at.end - at.counts).fill(0);
        prepareMoves(task, task.moves, group, at);
      } else movedCodes = -1;
      const tile = built === "cells" || movedCodes >= 0 ? largeTile : plainTile;
      for (let k = first; k < last; k += tile) {
        if (Atomics.load(control, 2) !== 0) return true;
        searchTile(task, group, k, Math.min(tile, last - k), at);
      }
      if (task.moves) moveCells(task, task.moves, group, at);
      Atomics.add(control, 4, 1);
      if (performance.now() > end) return false;
    }
  };
}
