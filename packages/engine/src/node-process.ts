/** Node's `process`; undefined for a bundler's substitute. */
export function nodeProcess(): NodeJS.Process | undefined {
  const candidate = (globalThis as { process?: NodeJS.Process }).process;
  return typeof candidate?.versions?.node === "string" ? candidate : undefined;
}
