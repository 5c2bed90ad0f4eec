/**
 * @revq/weights-lpips: where the weights of LPIPS v0.1 (SqueezeNet) lie, beside `src` and `dist`. Data only: it runs
 * wherever `URL` does. Origin and licences: README.md.
 */

/** The folder of the two files. Ends with a slash. */
export const lpipsFolder: URL = new URL("../weights/", import.meta.url);

/** Names of its files: SqueezeNet 1.1 without its classifier, and the heads of LPIPS. */
export const lpipsFiles = ["squeezenet1_1.safetensors", "lpips_v0.1_squeeze_lin.safetensors"] as const;
