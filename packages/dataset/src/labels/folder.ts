/**
 * The name of the folder that an image lies in, `cats` of `train/cats/1.jpg`; null if there is none. An
 * archive is no folder.
 */
export function folderOf(name: string): string | null {
  const folder = name.split("/").at(-2);
  return folder === undefined || /\.(tar|parquet|pq)(#\d+)?$/i.test(folder) ? null : folder;
}
