/** @revq/quantizer-multigroup: the paper's quantizer, one codebook per group of tokens. */
export { multigroupOptions, type MultigroupInput, type MultigroupOptions } from "./options.js";
export { multigroup } from "./plugin.js";
