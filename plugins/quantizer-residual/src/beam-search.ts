/**
 * Beam search (Babenko and Lempitsky, "Additive quantization", CVPR 2014): chooses one code per
 * stage so that their sum is near to a vector. The best few sums are kept from stage to stage.
 * Plain float64 loops give the same ids on every engine and in every batch.
 */

/** Reuses its memory from one search to the next. */
export class BeamSearch {
  private readonly residuals: [Float64Array, Float64Array];
  private readonly paths: [Int32Array, Int32Array];
  private readonly errors: Float64Array;
  private readonly candidates: Int32Array;

  /**
   * @param codebooks `[depth, codes, dim]`
   * @param beam sums that are kept
   */
  constructor(
    private readonly codebooks: Float32Array,
    private readonly depth: number,
    private readonly codes: number,
    private readonly dim: number,
    private readonly beam: number,
  ) {
    this.residuals = [new Float64Array(beam * dim), new Float64Array(beam * dim)];
    this.paths = [new Int32Array(beam * depth), new Int32Array(beam * depth)];
    this.errors = new Float64Array(beam);
    this.candidates = new Int32Array(beam);
  }

  /** Writes the ids of the vector at `from` to `ids` at `to`. Returns the squared error. */
  search(vectors: Float32Array, from: number, ids: Int32Array, to: number): number {
    const { depth, codes, dim, beam, codebooks } = this;
    let [residuals, nextResiduals] = this.residuals;
    let [paths, nextPaths] = this.paths;
    for (let i = 0; i < dim; i++) residuals[i] = vectors[from + i]!;
    let kept = 1;
    for (let stage = 0; stage < depth; stage++) {
      // Candidate `path * codes + code`; of equal errors the lowest is kept.
      const width = stage === depth - 1 ? 1 : beam;
      let count = 0;
      for (let path = 0; path < kept; path++) {
        for (let code = 0; code < codes; code++) {
          const limit = count < width ? Infinity : this.errors[count - 1]!;
          const start = (stage * codes + code) * dim;
          let error = 0;
          for (let i = 0; i < dim; i++) {
            const difference = residuals[path * dim + i]! - codebooks[start + i]!;
            error += difference * difference;
          }
          if (error < limit) count = this.insert(error, path * codes + code, count, width);
        }
      }
      for (let rank = 0; rank < count; rank++) {
        const [path, code] = [Math.floor(this.candidates[rank]! / codes), this.candidates[rank]! % codes];
        const start = (stage * codes + code) * dim;
        for (let i = 0; i < dim; i++)
          nextResiduals[rank * dim + i] = residuals[path * dim + i]! - codebooks[start + i]!;
        for (let s = 0; s < stage; s++) nextPaths[rank * depth + s] = paths[path * depth + s]!;
        nextPaths[rank * depth + stage] = code;
      }
      [residuals, nextResiduals] = [nextResiduals, residuals];
      [paths, nextPaths] = [nextPaths, paths];
      kept = count;
    }
    for (let stage = 0; stage < depth; stage++) ids[to + stage] = paths[stage]!;
    return this.errors[0]!;
  }

  /** Inserts a candidate by its error. Returns the number of candidates. */
  private insert(error: number, candidate: number, count: number, max: number): number {
    let rank = Math.min(count, max - 1);
    while (rank > 0 && this.errors[rank - 1]! > error) {
      this.errors[rank] = this.errors[rank - 1]!;
      this.candidates[rank] = this.candidates[rank - 1]!;
      rank--;
    }
    this.errors[rank] = error;
    this.candidates[rank] = candidate;
    return Math.min(count + 1, max);
  }
}
