/**
 * Shared memory for the copies that worker threads read. Some is kept for the next search: new
 * memory costs several times as much as the copy.
 */

/** At most so many buffers are kept, each of at most so many bytes. */
const keptBuffers = 4;
const keptBytes = 2 ** 22;

let kept: SharedArrayBuffer[] = [];

/** Shared memory of at least so many bytes. It may hold old values. */
export function borrowShared(bytes: number): SharedArrayBuffer {
  const fitting = kept.filter(({ byteLength }) => byteLength >= bytes);
  const found = fitting.sort((a, b) => a.byteLength - b.byteLength)[0];
  if (!found) return new SharedArrayBuffer(bytes);
  kept = kept.filter((buffer) => buffer !== found);
  return found;
}

/** Keeps a borrowed buffer for the next search. No thread may write to it any more. */
export function returnShared(buffer: SharedArrayBuffer): void {
  if (buffer.byteLength > keptBytes) return;
  kept.push(buffer);
  if (kept.length > keptBuffers) kept = kept.sort((a, b) => b.byteLength - a.byteLength).slice(0, keptBuffers);
}
