/**
 * Whole numbers in the order in which they came: a hash table of typed arrays with a largest size, so
 * that counting contexts needs bounded memory. A Map of as many numbers takes several times as much.
 */

const firstSlots = 1024;

export class KeyTable {
  /** Index of a key plus one; 0: free. Twice to four times as many slots as keys. */
  #slots = new Int32Array(firstSlots);
  #keys = new Float64Array(firstSlots / 2);
  #size = 0;

  /** @param limit no more keys are taken */
  constructor(private readonly limit: number) {}

  get size(): number {
    return this.#size;
  }

  /** The index of a key, 0 … size - 1; -1 if it is unknown. @param key 0 … 2^53 - 1 */
  find(key: number): number {
    return this.#slots[this.#slotOf(key)]! - 1;
  }

  /** The index of a key, which is added if it is new; -1 if the table is full. */
  add(key: number): number {
    const slot = this.#slotOf(key);
    if (this.#slots[slot] !== 0) return this.#slots[slot]! - 1;
    if (this.#size >= this.limit) return -1;
    this.#keys[this.#size++] = key;
    this.#slots[slot] = this.#size;
    if (this.#size === this.#keys.length) this.#grow();
    return this.#size - 1;
  }

  /** Where the key is, or would be: linear probing from its hash. */
  #slotOf(key: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(key) & mask;
    for (let at = this.#slots[slot]!; at !== 0 && this.#keys[at - 1] !== key; at = this.#slots[slot]!) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const keys = this.#keys;
    this.#keys = new Float64Array(keys.length * 2);
    this.#keys.set(keys);
    this.#slots = new Int32Array(this.#slots.length * 2);
    keys.forEach((key, index) => (this.#slots[this.#slotOf(key)] = index + 1));
  }
}

/** Both halves of the key, mixed by the last steps of MurmurHash3. */
function hash(key: number): number {
  let mixed = (key | 0) ^ Math.imul((key / 2 ** 32) | 0, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
