export { RevqError, isRevqError, type RevqErrorOptions } from "./errors.js";
