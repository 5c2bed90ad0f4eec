/**
 * Moves weights that a model keeps in other files ("external data", the default of PyTorch's
 * exporter) into the model, so that it is one file as ONNX Runtime and a tokenizer take it. Reads
 * and writes the protobuf wire format; fields are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { RevqError } from "@revq/core";

/** Messages on the way to a tensor: field number -> message in that field. */
const fieldsOf = {
  model: { 7: "graph", 25: "function" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  function: { 7: "node" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
} as const;
type Message = keyof typeof fieldsOf;

/** Fields of a TensorProto, and the value of `data_location` for external data. */
const tensorField = { rawData: 9, externalData: 13, dataLocation: 14 } as const;
const external = 1;
/** Graphs inside graphs. */
const maxDepth = 32;
/** A protobuf message has at most this many bytes. */
const maxBytes = 2 ** 31 - 1;

interface Field {
  readonly number: number;
  /** Tag and contents. */
  readonly whole: Uint8Array;
  /** Contents of a length-delimited field. */
  readonly content: Uint8Array | undefined;
  /** Of a varint. */
  readonly value: number;
}

/** The part of a file that holds a tensor's elements. */
interface Place {
  readonly location: string;
  readonly offset: number;
  /** Undefined: to the end of the file. */
  readonly length: number | undefined;
}

/** Bytes in pieces, which are joined once. */
interface Pieces {
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/** The bytes are not a protobuf message. */
class NotProtobuf extends Error {}

/**
 * The names of the files that the model keeps weights in, relative to its own folder. Empty for
 * bytes that are not a model: ONNX Runtime says what is wrong with them.
 */
export function externalFiles(model: Uint8Array): string[] {
  const found = new Set<string>();
  try {
    rewrite(model, "model", 0, (tensor, place) => {
      if (place) found.add(place.location);
      return piece(tensor);
    });
  } catch (error) {
    if (error instanceof NotProtobuf) return [];
    throw error;
  }
  return [...found];
}

/**
 * The model as one file.
 * @param name for messages
 * @param files the contents of each of `externalFiles(model)`
 * @throws RevqError `onnx-external-data` when a file is too short; `onnx-too-large` from 2 GiB on
 */
export function inlineWeights(name: string, model: Uint8Array, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const { parts, length } = rewrite(model, "model", 0, (tensor, place) => {
    if (!place) return piece(tensor);
    const data = contentOf(name, place, files.get(place.location)!);
    const kept = [...fields(tensor)].filter(({ number }) => !Object.values<number>(tensorField).includes(number));
    return joined([...kept.map(({ whole }) => piece(whole)), delimited(tensorField.rawData, piece(data))]);
  });
  if (length > maxBytes) {
    throw new RevqError("onnx-too-large", `${name} has ${length} bytes with its weights; the limit is 2 GiB.`, {
      fix: "Export it in float16.",
    });
  }
  const result = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function contentOf(name: string, { location, offset, length }: Place, file: Uint8Array): Uint8Array {
  const end = length === undefined ? file.length : offset + length;
  if (offset <= end && end <= file.length) return file.subarray(offset, end);
  throw new RevqError(
    "onnx-external-data",
    `${location} has ${file.length} bytes; ${name} keeps weights in its bytes ${offset} to ${end}.`,
    { fix: "The file is truncated, or belongs to another model. Get both files again." },
  );
}

/** Passes every tensor below a message to `replace`, and its place if it is in another file. */
function rewrite(
  message: Uint8Array,
  kind: Message | "tensor",
  depth: number,
  replace: (tensor: Uint8Array, place: Place | undefined) => Pieces,
): Pieces {
  if (kind === "tensor") return replace(message, placeOf(message));
  if (depth > maxDepth) throw new NotProtobuf();
  const inside: Readonly<Record<number, Message | "tensor">> = fieldsOf[kind];
  return joined(
    [...fields(message)].map(({ number, whole, content }) => {
      const child = inside[number];
      if (child === undefined || !content) return piece(whole);
      return delimited(number, rewrite(content, child, depth + 1, replace));
    }),
  );
}

function placeOf(tensor: Uint8Array): Place | undefined {
  let isExternal = false;
  const entries = new Map<string, string>();
  for (const { number, value, content } of fields(tensor)) {
    if (number === tensorField.dataLocation) isExternal = value === external;
    if (number !== tensorField.externalData || !content) continue;
    const [key = "", text = ""] = [1, 2].map((part) => {
      const found = [...fields(content)].find((field) => field.number === part)?.content;
      return found && new TextDecoder().decode(found);
    });
    entries.set(key, text);
  }
  if (!isExternal) return undefined;
  const size = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined || text === "") return undefined;
    if (!/^\d{1,15}$/.test(text)) throw new NotProtobuf();
    return Number(text);
  };
  return { location: entries.get("location") ?? "", offset: size("offset") ?? 0, length: size("length") };
}

/** The fields of a message, in their order. */
function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined || scale > 2 ** 63) throw new NotProtobuf();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const wireType = tag % 8;
    let value = 0;
    let length = 0;
    if (wireType === 0) value = varint();
    else if (wireType === 1) length = 8;
    else if (wireType === 2) length = varint();
    else if (wireType === 5) length = 4;
    else throw new NotProtobuf();
    const from = at;
    at += length;
    if (at > message.length) throw new NotProtobuf();
    yield {
      number: Math.floor(tag / 8),
      whole: message.subarray(start, at),
      content: wireType === 2 ? message.subarray(from, at) : undefined,
      value,
    };
  }
}

const piece = (bytes: Uint8Array): Pieces => ({ parts: [bytes], length: bytes.length });

function joined(pieces: readonly Pieces[]): Pieces {
  return {
    parts: pieces.flatMap(({ parts }) => parts),
    length: pieces.reduce((sum, { length }) => sum + length, 0),
  };
}

/** A length-delimited field. */
function delimited(number: number, content: Pieces): Pieces {
  const head: number[] = [];
  for (let value of [number * 8 + 2, content.length]) {
    for (; value >= 128; value = Math.floor(value / 128)) head.push((value % 128) + 128);
    head.push(value);
  }
  return joined([piece(Uint8Array.from(head)), content]);
}
