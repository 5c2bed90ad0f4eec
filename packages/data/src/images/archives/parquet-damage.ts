/** What is wrong with a damaged Parquet file, in plain words: the texts of the decoder are about itself. */
import { isRevqError, RevqError, type ByteSource } from "@revq/core";

/** Damage that we found. Its message has the file as its subject: "it states a page of -1 bytes". */
export class ParquetDamage extends Error {}

const magic = "PAR1";
/** Magic at both ends, and the length of the footer. */
const smallest = 12;

/**
 * Checks both ends of the file (parquet.thrift, "File format").
 * @throws ParquetDamage
 */
export async function requireEnds(source: ByteSource): Promise<void> {
  const { size } = source;
  if (size === 0) throw new ParquetDamage("it is empty");
  const head = textOf(await source.read(0, Math.min(4, size)));
  const end = await source.read(Math.max(0, size - 8), Math.min(8, size));
  const tail = textOf(end.subarray(-4));
  if (head === "PARE" || tail === "PARE") throw new ParquetDamage("it is encrypted");
  if (head !== magic && tail !== magic) throw new ParquetDamage("it has none of the marks of a Parquet file");
  if (tail !== magic || size < smallest) {
    throw new ParquetDamage(`it is cut off: its ${size} bytes do not end with a footer, where its columns are listed`);
  }
  const footer = new DataView(end.buffer, end.byteOffset).getUint32(0, true);
  if (footer + smallest > size) throw new ParquetDamage(`it states a footer of ${footer} bytes, and has ${size} bytes`);
}

/** @param where "the list of its columns", "its rows 0 to 99" */
export function damaged(name: string, where: string, cause: unknown): RevqError {
  if (isRevqError(cause) && cause.code !== "byte-range") return cause;
  const reason = cause instanceof ParquetDamage ? cause.message : `${where} cannot be decoded`;
  return new RevqError("parquet-damaged", `${name} cannot be read as Parquet: ${reason}.`, {
    fix: "Get the file again from its source.",
    cause,
  });
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
