/**
 * @revq/weights-tiny-sd-vae: the files of a small AutoencoderKL, beside `src` and `dist`. Data
 * only: it runs wherever `URL` does. README.md describes training and quality.
 */

/** The folder in the layout of diffusers, without other files. Ends with a slash. */
export const weightsFolder: URL = new URL("../weights/", import.meta.url);

/** Names of its files. */
export const weightFiles = ["config.json", "diffusion_pytorch_model.safetensors"] as const;
