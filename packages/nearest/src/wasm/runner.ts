/**
 * Runs search tasks in one WebAssembly instance: copies queries and codebooks in, answers out.
 * Workers run `createRunner` from its source text: it must use nothing but types from outside.
 */
import type { ClustersKernel, Int16Kernel, TreeKernel } from "./kernel-exports.js";
import type { ClusterMoves, SearchTask, TreeParts } from "./task.js";

type Method = Exclude<SearchTask["method"], "auto">;

/** Works on a task until no job is left (true) or for about `budgetMs` (false). */
export type Runner = (task: SearchTask, budgetMs: number) => boolean;

export function createRunner(module: WebAssembly.Module): Runner {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as TreeKernel &
    Int16Kernel &
    ClustersKernel;
  // Queries at a time. Few: they fit the cache, and the engine can switch to optimized code
  // between.
  const plainTile = 512;
  // Many, so that clusters are full, but few enough for the second-level cache.
  const largeTile = 16384;
  const start = 1024;
  type Addresses = ReturnType<typeof allocate>;
  let builtTask = -1;
  let builtGroup = -1;
  let built: Method = "brute";
  let movedCodes = -1; // moved codes of the group, if only they are searched; else -1

  function clustersApply({ dim, method, guessed }: SearchTask): boolean {
    return guessed && (dim === 4 || dim === 8) && (method === "clusters" || method === "auto");
  }

  /** Addresses of all arrays of one task; grows the memory. */
  function allocate(task: SearchTask) {
    const { codes, dim, moves } = task;
    const tile = clustersApply(task) || moves ? largeTile : plainTile;
    const tree = Math.max(kernel.treeBytes(codes, dim), kernel.int16Bytes(codes, dim));
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
      prepared: take(Math.max(kernel.int16QueryBytes(plainTile, dim), kernel.clustersBytes(tile, codes, dim))),
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

  /** The fastest method for `queries` of a group, of which `together` are in one job. */
  function choose(task: SearchTask, refit: boolean, queries: number, together: number): Method {
    const { codes, order, costs } = task;
    const brute = costs.pack + queries * costs.brute;
    const int16 = costs.int16Pack + queries * costs.int16;
    const sort = refit ? 0 : costs.sort / (order ? 16 : 1); // a kept order serves later searches too
    const tree = costs.pack * 1.6 + sort + queries * costs.tree;
    // Measured: as fast as the tree at d = 8, twice as fast at d = 4, unless clusters are too
    // small.
    if (clustersApply(task) && codes > 64 && Math.min(together, largeTile) >= 4 * codes) return "clusters";
    return tree <= Math.min(brute, int16) ? "tree" : brute <= int16 ? "brute" : "int16";
  }

  function prepare(task: SearchTask, group: number, queries: number, together: number, at: Addresses): void {
    if (builtTask === task.id && builtGroup === group) return;
    const { codes, dim, order, ready } = task;
    const refit = ready !== null && Atomics.load(ready, group) === 1;
    new Float32Array(memory.buffer, at.codes, codes * dim).set(
      task.codebooks.subarray(group * codes * dim, (group + 1) * codes * dim),
    );
    const wanted = task.method === "clusters" && !clustersApply(task) ? "auto" : task.method;
    built = wanted === "auto" ? choose(task, refit, queries, together) : wanted;
    if (built === "brute") kernel.packCodes(at.codes, codes, dim, at.tree);
    else if (built === "int16") kernel.int16Pack(at.codes, codes, dim, at.tree);
    else if (order && refit) {
      new Int32Array(memory.buffer, at.ids, codes).set(order.subarray(group * codes, (group + 1) * codes));
      kernel.refitTree(at.codes, codes, dim, at.tree, at.ids);
    } else {
      // With few queries the last levels of the tree cost more than they save, unless kept for
      // later.
      const leafSize = order || queries * 6 * dim > codes ? 16 : 64;
      if (task.parts) buildTogether(task, task.parts, leafSize, at);
      else kernel.buildTree(at.codes, codes, dim, at.tree, leafSize);
      if (order && ready && Atomics.compareExchange(ready, group, 0, 2) === 0) {
        order.set(new Int32Array(memory.buffer, at.tree + kernel.idsAt(codes, dim), codes), group * codes);
        Atomics.store(ready, group, 1);
      }
    }
    builtTask = task.id;
    builtGroup = group;
  }

  /**
   * Builds the tree in parts that the runners share. A part that its runner does not finish in time
   * is built here too: no runner depends on another one's progress.
   */
  function buildTogether({ codes, dim }: SearchTask, parts: TreeParts, leafSize: number, at: Addresses): void {
    const { state, leaves } = parts;
    const levels = Math.log2(state.length);
    kernel.buildTop(at.codes, codes, dim, at.tree, levels);
    const ids = kernel.idsAt(codes, dim) / 4;
    const own = new Int32Array(memory.buffer, at.tree, leaves.length);
    /** Copies the leaves and ids of a part. */
    const copy = (from: Int32Array, to: Int32Array, part: number): void => {
      const first = Math.ceil(kernel.partStart(codes, levels, part) / 16) * 16;
      const last = Math.ceil(kernel.partStart(codes, levels, part + 1) / 16) * 16;
      to.set(from.subarray(first * dim, last * dim), first * dim);
      to.set(from.subarray(ids + first, ids + last), ids + first);
    };
    const began = performance.now();
    const others = [];
    for (let part = 0; part < state.length; part++) {
      if (Atomics.compareExchange(state, part, 0, 1) !== 0) {
        others.push(part);
        continue;
      }
      kernel.buildPart(codes, dim, at.tree, leafSize, levels, part);
      copy(own, leaves, part);
      Atomics.store(state, part, 2);
    }
    const now = performance.now();
    const end = now + Math.max(now - began, 0.2);
    for (const part of others) {
      while (Atomics.load(state, part) !== 2 && performance.now() < end);
      if (Atomics.load(state, part) === 2) copy(leaves, own, part);
      else kernel.buildPart(codes, dim, at.tree, leafSize, levels, part);
    }
    kernel.boxes(codes, dim, at.tree);
  }

  /** Counts the group's moved codes and builds a tree of them alone if they are few. */
  function prepareMoves({ codes, dim, guessed }: SearchTask, moves: ClusterMoves, group: number, at: Addresses): void {
    movedCodes = -1;
    if (!guessed || (built !== "tree" && built !== "clusters")) return;
    const flags = moves.moved.subarray(group * codes, (group + 1) * codes);
    const order = new Int32Array(memory.buffer, at.tree + kernel.idsAt(codes, dim), codes);
    const moved = new Int32Array(memory.buffer, at.movedIds, codes);
    let count = 0;
    for (let k = 0; k < codes; k++) if (flags[order[k]!]) moved[count++] = order[k]!;
    if (count * 2 > codes) return; // nearly every query needs a full search
    new Uint8Array(memory.buffer, at.moved, codes).set(flags);
    if (count > 0) kernel.refitTree(at.codes, count, dim, at.movedTree, at.movedIds);
    movedCodes = count;
  }

  /** Searches in a tree of `count` codes for the n listed queries, or for the first n. */
  function searchIn(task: SearchTask, at: Addresses, tree: number, count: number, list: number, n: number): void {
    const { codes, dim, guessed } = task;
    const { queries, indices, distances } = at;
    if (built === "clusters") {
      kernel.searchClusters(tree, count, at.codes, codes, dim, queries, list, n, indices, distances, at.prepared);
    } else kernel.search(tree, at.codes, count, dim, queries, list, n, indices, distances, guessed ? 1 : 0);
  }

  function searchTile(task: SearchTask, group: number, first: number, n: number, at: Addresses): void {
    const { codes, dim, tokens, tokenList, tokenStart, latents } = task;
    const list = tokenStart[group]!;
    const perSample = tokenStart[group + 1]! - list;
    const queries = new Float32Array(memory.buffer, at.queries, n * dim);
    const indices = new Int32Array(memory.buffer, at.indices, n);
    const distances = new Float32Array(memory.buffer, at.distances, n);
    const whole = task.grouped || perSample === tokens; // the group's queries are contiguous
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
      const rest = at.lists + further * 4;
      if (movedCodes > 0 && further < n) searchIn(task, at, at.movedTree, movedCodes, rest, n - further);
    } else if (built === "tree" || built === "clusters") {
      searchIn(task, at, at.tree, codes, 0, n);
    } else if (built === "int16") {
      kernel.int16Queries(
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
        kernel.int16Search(
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
      kernel.addToClusters(dim, at.queries, n, at.indices, at.distances, at.counts, at.sums, at.distortions);
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

  /** The k-means update of a whole group after its search. */
  function moveClusters({ codes, dim }: SearchTask, moves: ClusterMoves, group: number, at: Addresses): void {
    const distortions = new Float64Array(memory.buffer, at.distortions, codes);
    let total = 0;
    for (let code = 0; code < codes; code++) total += distortions[code]!;
    moves.totals[group] = total;
    const empty = kernel.moveToMeans(codes, dim, at.counts, at.sums, at.distortions, at.codes, at.moved);
    moves.emptyClusters[group] = empty;
    moves.codebooks.set(new Float32Array(memory.buffer, at.codes, codes * dim), group * codes * dim);
    moves.counts.set(new Float64Array(memory.buffer, at.counts, codes), group * codes);
    moves.moved.set(new Uint8Array(memory.buffer, at.moved, codes), group * codes);
    if (empty > 0) moves.distortions.set(distortions, group * codes);
  }

  return (task, budgetMs) => {
    const { control, chunks, samples, tokenStart } = task;
    const jobs = (tokenStart.length - 1) * chunks;
    const at = allocate(task);
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
      const tile = built === "clusters" || movedCodes >= 0 ? largeTile : plainTile;
      for (let k = first; k < last; k += tile) {
        if (Atomics.load(control, 2) !== 0) return true;
        searchTile(task, group, k, Math.min(tile, last - k), at);
      }
      if (task.moves) moveClusters(task, task.moves, group, at);
      if (Atomics.add(control, 4, 1) === jobs - 1) Atomics.notify(control, 4);
      if (performance.now() > end) return false;
    }
  };
}
