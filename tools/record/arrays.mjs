/** The three file formats of a record, read and written apart from the code that is recorded: `.npy`, safetensors, PNG. */
import sharp from "sharp";

const npyTypes = { "<f2": Uint16Array, "<f4": Float32Array, "<i4": Int32Array };
const safetensorsTypes = {
  ...{ F64: Float64Array, F32: Float32Array, F16: Uint16Array, BF16: Uint16Array, I64: BigInt64Array },
  ...{ I32: Int32Array, I16: Int16Array, I8: Int8Array, U8: Uint8Array, BOOL: Uint8Array },
};

/** @returns `{ dtype, shape, data }`; float16 as its bits */
export function readNpy(bytes) {
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, 10 + length);
  const [, dtype] = /'descr': '([^']+)'/.exec(header);
  const [, dimensions] = /'shape': \(([^)]*)\)/.exec(header);
  if (!npyTypes[dtype] || !/'fortran_order': False/.test(header)) throw new Error(`npy of ${header}`);
  const shape = dimensions.split(",").filter((text) => text.trim() !== "");
  return { dtype, shape: shape.map(Number), data: arrayOf(npyTypes[dtype], bytes.subarray(10 + length)) };
}

export function writeNpy({ dtype, shape, data }) {
  const head = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = `${head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([start, Buffer.from(header), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

/** @returns name -> `{ dtype, shape, data }` */
export function readSafetensors(bytes) {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  delete header.__metadata__;
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => [
        name,
        { dtype, shape, data: arrayOf(safetensorsTypes[dtype], bytes.subarray(8 + length + start, 8 + length + end)) },
      ],
    ),
  );
}

/** @returns the pixels as `{ dtype, shape, data }` */
export async function readPng(bytes) {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { dtype: "U8", shape: [info.height, info.width, info.channels], data };
}

function arrayOf(Type, bytes) {
  return new Type(Uint8Array.from(bytes).buffer);
}
