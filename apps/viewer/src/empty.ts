/** Stands in for packages that only Node needs (see `vite.config.ts`). */
export {};
