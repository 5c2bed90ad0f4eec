/**
 * @revq/weights-tiny-sd-vae: where the files of a small AutoencoderKL lie, beside `src` and `dist`. Data only: it runs wherever
 * `URL` does. How it was trained and how good it is: README.md.
 */

/** The folder as diffusers keeps a model, and nothing else in it. Ends with a slash. */
export const weightsFolder: URL = new URL("../weights/", import.meta.url);

/** Names of its files. */
export const weightFiles = ["config.json", "diffusion_pytorch_model.safetensors"] as const;
