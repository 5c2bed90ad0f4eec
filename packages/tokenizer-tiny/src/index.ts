/**
 * @revq/tokenizer-tiny: where the files of a small trained tokenizer lie, beside `src` and `dist`. Data only: it runs wherever
 * `URL` does. How it was trained and how good it is: README.md.
 */

/** The tokenizer's folder, as `revq train` wrote it, without what belongs to the run. Ends with a slash. */
export const tokenizerFolder: URL = new URL("../tokenizer/", import.meta.url);

/** Names of its files. */
export const tokenizerFiles = ["config.json", "model.safetensors"] as const;
