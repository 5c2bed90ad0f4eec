/** Returns the folder and the environment for Dawn. Throws, with the reason, where it cannot be had. */
export function unpackSwiftShader(): {
  readonly folder: string;
  readonly env: Readonly<Record<"VK_ICD_FILENAMES" | "LD_LIBRARY_PATH", string>>;
  remove(): void;
};
