/**
 * @revq/tokenizer-tiny: the files of a small trained tokenizer, beside `src` and `dist`. Data only:
 * it runs wherever `URL` does. README.md describes training and quality.
 */

/** The tokenizer's folder: the two files that programs read. Ends with a slash. */
export const tokenizerFolder: URL = new URL("../tokenizer/", import.meta.url);

/** Names of its files. */
export const tokenizerFiles = ["config.json", "model.safetensors"] as const;
