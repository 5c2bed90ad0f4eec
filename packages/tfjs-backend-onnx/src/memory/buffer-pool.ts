/**
 * Reference-counted host buffers and a pool of free ones. A training loop needs the same sizes in
 * every step, so later steps allocate nothing. The pool is bounded; the oldest buffers go first.
 */

/**
 * Bytes that one or more tensors (or queued graphs) share. Contents are never changed while
 * `references` > 0.
 */
export interface HostBuffer {
  readonly data: ArrayBuffer;
  references: number;
}

/** Smaller buffers are not pooled: allocating them costs less. */
const SMALLEST_POOLED = 4096;

export class BufferPool {
  /** Free buffers by byte length; insertion order of `#free` is the order of eviction. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;
  #liveBytes = 0;

  /** @param maxFreeBytes maximum of bytes in free buffers */
  constructor(readonly maxFreeBytes: number) {}

  get freeBytes(): number {
    return this.#freeBytes;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** A buffer of exactly `byteLength` bytes with one reference; its contents are undefined. */
  acquire(byteLength: number): HostBuffer {
    this.#liveBytes += byteLength;
    const shelf = this.#free.get(byteLength);
    const data = shelf?.pop();
    if (shelf && shelf.length === 0) this.#free.delete(byteLength);
    if (!data) return { data: new ArrayBuffer(byteLength), references: 1 };
    this.#freeBytes -= byteLength;
    return { data, references: 1 };
  }

  retain(buffer: HostBuffer): HostBuffer {
    buffer.references++;
    return buffer;
  }

  release(buffer: HostBuffer): void {
    if (--buffer.references > 0) return;
    if (buffer.references < 0) throw new Error("a buffer was released twice");
    const size = buffer.data.byteLength;
    this.#liveBytes -= size;
    if (size < SMALLEST_POOLED || size > this.maxFreeBytes) return;
    const shelf = this.#free.get(size);
    // Re-inserted at the end, so that sizes that are no longer used go first.
    if (shelf) this.#free.delete(size);
    this.#free.set(size, shelf ?? []);
    this.#free.get(size)!.push(buffer.data);
    this.#freeBytes += size;
    while (this.#freeBytes > this.maxFreeBytes) this.#evictOldest();
  }

  clear(): void {
    this.#free.clear();
    this.#freeBytes = 0;
  }

  #evictOldest(): void {
    const [size, shelf] = this.#free.entries().next().value!;
    shelf.pop();
    this.#freeBytes -= size;
    if (shelf.length === 0) this.#free.delete(size);
  }
}
