/**
 * Reads a pickle as data: a stack machine with the binary opcodes of Python's pickle. It calls
 * nothing but the allow-list of `torch-globals.ts`; other calls give opaque values. Opcodes:
 * CPython's `pickletools`. Linear in the size of the pickle; no recursion.
 */
import { callGlobal, isKnownGlobal, malformed, storageOf } from "./torch-globals.js";
import { OpaqueValue, PickleGlobal, PickleMap, type PickleValue } from "./pickle-values.js";

/** Integers with more bytes are refused. */
const maxLongBytes = 1024;

export interface Unpickled {
  readonly value: PickleValue;
  /** The first global that is not on the allow-list; undefined when there is none. */
  readonly foreign: string | undefined;
}

/**
 * @param name of the file, for messages
 * @throws RevqError `pth-malformed`
 */
export function unpickle(bytes: Uint8Array, name: string): Unpickled {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let at = 0;
  let stack: PickleValue[] = [];
  const marks: PickleValue[][] = []; // the stacks below each MARK
  const memo = new Map<number, PickleValue>();
  let foreign: string | undefined;

  const advance = (length: number): number => {
    const start = at;
    if (length > bytes.length - at) malformed(name, "it ends inside an opcode");
    at += length;
    return start;
  };
  const slice = (length: number): Uint8Array => bytes.subarray(advance(length), at);
  const length64 = (): number => Number(data.getBigUint64(advance(8), true));
  const text = (length: number): string => decoder.decode(slice(length));
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) malformed(name, "it ends inside an opcode");
    return text(end + 1 - at).slice(0, -1);
  };
  const pop = (): PickleValue => {
    if (stack.length === 0) malformed(name, "the stack is empty");
    return stack.pop()!;
  };
  const top = (): PickleValue => stack.at(-1) ?? (stack.length ? null : malformed(name, "the stack is empty"));
  const popMark = (): PickleValue[] => {
    const items = stack;
    stack = marks.pop() ?? malformed(name, "a mark is missing");
    return items;
  };
  const popMany = (count: number): PickleValue[] => {
    const items = Array.from({ length: count }, pop);
    return items.reverse();
  };
  const pushMarked = (): void => {
    const items = popMark(); // first: it changes which stack is the current one
    stack.push(items);
  };
  const append = (items: PickleValue[]): void => {
    const list = top();
    if (list instanceof OpaqueValue) return;
    if (!Array.isArray(list)) return malformed(name, "items are appended to something other than a list");
    for (const item of items) list.push(item);
  };
  const setItems = (items: PickleValue[]): void => {
    const map = top();
    if (map instanceof OpaqueValue) return;
    if (!(map instanceof PickleMap) || items.length % 2 !== 0)
      return malformed(name, "items are set in something other than a dict");
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  };
  const long = (length: number): number | bigint => {
    if (length > maxLongBytes) malformed(name, `an integer of ${length} bytes`);
    const digits = slice(length);
    let value = 0n;
    for (let i = digits.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  };
  const recall = (key: number): PickleValue => {
    if (!memo.has(key)) malformed(name, `memo ${key} was never set`);
    return memo.get(key)!;
  };
  const pushMap = (items: PickleValue[]): void => {
    stack.push(new PickleMap());
    setItems(items);
  };
  const pushGlobal = (module: string, attribute: string): void => {
    const found = new PickleGlobal(`${module}.${attribute}`);
    if (!isKnownGlobal(found)) foreign ??= found.path;
    stack.push(found);
  };
  /** Calls the first of the marked values with the others. */
  const callMarked = (): void => {
    const [callable, ...args] = popMark();
    stack.push(callGlobal(callable, args, name));
  };
  const stringOf = (value: PickleValue): string =>
    typeof value === "string" ? value : malformed(name, "a name that is not a string");

  const operations: Readonly<Record<number, () => void>> = {
    0x80: () => void advance(1), // PROTO
    0x95: () => void advance(8), // FRAME
    0x28: () => void (marks.push(stack), (stack = [])), // MARK
    0x30: () => void pop(), // POP
    0x31: () => void popMark(), // POP_MARK
    0x32: () => void stack.push(top()), // DUP
    0x4e: () => void stack.push(null), // NONE
    0x88: () => void stack.push(true), // NEWTRUE
    0x89: () => void stack.push(false), // NEWFALSE
    0x4b: () => void stack.push(data.getUint8(advance(1))), // BININT1
    0x4d: () => void stack.push(data.getUint16(advance(2), true)), // BININT2
    0x4a: () => void stack.push(data.getInt32(advance(4), true)), // BININT
    0x8a: () => void stack.push(long(data.getUint8(advance(1)))), // LONG1
    0x8b: () => void stack.push(long(data.getUint32(advance(4), true))), // LONG4
    0x47: () => void stack.push(data.getFloat64(advance(8))), // BINFLOAT, big-endian
    0x8c: () => void stack.push(text(data.getUint8(advance(1)))), // SHORT_BINUNICODE
    0x58: () => void stack.push(text(data.getUint32(advance(4), true))), // BINUNICODE
    0x8d: () => void stack.push(text(length64())), // BINUNICODE8
    0x55: () => void stack.push(text(data.getUint8(advance(1)))), // SHORT_BINSTRING
    0x54: () => void stack.push(text(data.getUint32(advance(4), true))), // BINSTRING
    0x43: () => void stack.push(slice(data.getUint8(advance(1)))), // SHORT_BINBYTES
    0x42: () => void stack.push(slice(data.getUint32(advance(4), true))), // BINBYTES
    0x8e: () => void stack.push(slice(length64())), // BINBYTES8
    0x5d: () => void stack.push([]), // EMPTY_LIST
    0x29: () => void stack.push([]), // EMPTY_TUPLE
    0x7d: () => void stack.push(new PickleMap()), // EMPTY_DICT
    0x61: () => append([pop()]), // APPEND
    0x65: () => append(popMark()), // APPENDS
    0x6c: () => pushMarked(), // LIST
    0x74: () => pushMarked(), // TUPLE
    0x85: () => void stack.push(popMany(1)), // TUPLE1
    0x86: () => void stack.push(popMany(2)), // TUPLE2
    0x87: () => void stack.push(popMany(3)), // TUPLE3
    0x73: () => setItems(popMany(2)), // SETITEM
    0x75: () => setItems(popMark()), // SETITEMS
    0x71: () => void memo.set(data.getUint8(advance(1)), top()), // BINPUT
    0x72: () => void memo.set(data.getUint32(advance(4), true), top()), // LONG_BINPUT
    0x94: () => void memo.set(memo.size, top()), // MEMOIZE
    0x68: () => void stack.push(recall(data.getUint8(advance(1)))), // BINGET
    0x6a: () => void stack.push(recall(data.getUint32(advance(4), true))), // LONG_BINGET
    0x63: () => {
      const module = line(); // GLOBAL
      pushGlobal(module, line());
    },
    0x93: () => {
      const attribute = stringOf(pop()); // STACK_GLOBAL
      pushGlobal(stringOf(pop()), attribute);
    },
    0x52: () => {
      const args = pop(); // REDUCE
      stack.push(callGlobal(pop(), args, name));
    },
    0x51: () => void stack.push(storageOf(pop(), name)), // BINPERSID
    0x62: () => {
      pop(); // BUILD: attributes of a state dict (`_metadata`) or of an opaque value, which hold no weights
      const owner = top();
      if (!(owner instanceof PickleMap || owner instanceof OpaqueValue))
        malformed(name, "attributes are set on something other than a dict");
    },
    0x81: () => {
      const args = pop(); // NEWOBJ
      stack.push(callGlobal(pop(), args, name));
    },
    0x92: () => {
      pop(); // NEWOBJ_EX: named arguments, for none of the known globals
      const args = pop();
      stack.push(callGlobal(pop(), args, name));
    },
    0x69: () => {
      const module = line(); // INST
      const attribute = line();
      const args = popMark();
      pushGlobal(module, attribute);
      stack.push(callGlobal(pop(), args, name));
    },
    0x6f: () => callMarked(), // OBJ
    0x64: () => pushMap(popMark()), // DICT
    // Sets, as lists.
    0x8f: () => void stack.push([]), // EMPTY_SET
    0x90: () => append(popMark()), // ADDITEMS
    0x91: () => pushMarked(), // FROZENSET
    0x96: () => void stack.push(slice(length64())), // BYTEARRAY8
  };

  while (at < bytes.length) {
    const opcode = bytes[at++]!;
    if (opcode === 0x2e) return { value: pop(), foreign }; // STOP
    const operation = operations[opcode];
    if (!operation) malformed(name, `opcode 0x${opcode.toString(16)} at byte ${at - 1} is not supported`);
    operation();
  }
  return malformed(name, "it ends without STOP");
}
