/** Set by `vite.config.ts`: the folder of the tokenizer that comes with the page, relative to it; null when none does. */
declare const EMBEDDED_TOKENIZER: string | null;
