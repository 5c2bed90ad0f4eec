/**
 * Which codes, one a stage, add up nearest to a vector: beam search (Babenko and Lempitsky, "Additive quantization", CVPR 2014). The
 * best few sums are kept from stage to stage. Plain float64 loops: the same codes on every engine, whatever else is in the batch.
 */

/** Keeps the memory of one search for the next. */
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

  /** Writes the codes of the vector at `from` to `found` at `to`; gives the squared error. */
  search(vectors: Float32Array, from: number, found: Int32Array, to: number): number {
    const { depth, codes, dim, beam, codebooks } = this;
    let [residuals, nextResiduals] = this.residuals;
    let [paths, nextPaths] = this.paths;
    for (let i = 0; i < dim; i++) residuals[i] = vectors[from + i]!;
    let kept = 1;
    for (let stage = 0; stage < depth; stage++) {
      // Candidate `path * codes + code`; of equal errors the lowest is kept.
      const wide = stage === depth - 1 ? 1 : beam;
      let count = 0;
      for (let path = 0; path < kept; path++) {
        for (let code = 0; code < codes; code++) {
          const limit = count < wide ? Infinity : this.errors[count - 1]!;
          const start = (stage * codes + code) * dim;
          let error = 0;
          for (let i = 0; i < dim; i++) {
            const difference = residuals[path * dim + i]! - codebooks[start + i]!;
            error += difference * difference;
          }
          if (error < limit) count = this.insert(error, path * codes + code, count, wide);
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
    for (let stage = 0; stage < depth; stage++) found[to + stage] = paths[stage]!;
    return this.errors[0]!;
  }

  /** Sorted insertion of a candidate; gives how many there are. */
  private insert(error: number, candidate: number, count: number, most: number): number {
    let place = Math.min(count, most - 1);
    while (place > 0 && this.errors[place - 1]! > error) {
      this.errors[place] = this.errors[place - 1]!;
      this.candidates[place] = this.candidates[place - 1]!;
      place--;
    }
    this.errors[place] = error;
    this.candidates[place] = candidate;
    return Math.min(count + 1, most);
  }
}
