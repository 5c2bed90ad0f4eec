/** @revq/quantizer-multigroup: the paper's quantizer, one codebook a group of tokens. */
export { MultigroupQuantizer } from "./multigroup-quantizer.js";
export { multigroupOptions, type MultigroupInput, type MultigroupOptions } from "./options.js";
export { multigroup } from "./plugin.js";
export { resetUnusedCodes, type CodebookReset } from "./reset-unused-codes.js";
