/** Writes tar archives of short names: one ustar header and the content of each member (POSIX.1-1988, "ustar"). */

const block = 512;
const encoder = new TextEncoder();

/**
 * Bytes of an archive. Owner, mode and time are the same for all members, so the same members give the
 * same bytes.
 *
 * @param members names of at most 100 bytes
 */
export function tarArchive(members: readonly { readonly name: string; readonly data: Uint8Array }[]): Uint8Array {
  const size = members.reduce((sum, { data }) => sum + block + padded(data.length), 2 * block);
  const archive = new Uint8Array(size);
  let at = 0;
  for (const { name, data } of members) {
    writeHeader(archive.subarray(at, at + block), name, data.length);
    archive.set(data, at + block);
    at += block + padded(data.length);
  }
  return archive;
}

function writeHeader(header: Uint8Array, name: string, size: number): void {
  const bytes = encoder.encode(name);
  if (bytes.length > 100) throw new RangeError(`The name ${name} has ${bytes.length} bytes; 100 are the limit.`);
  header.set(bytes);
  const write = (text: string, offset: number): void => header.set(encoder.encode(text), offset);
  write("0000644\0", 100); // mode
  write("0000000\0", 108); // user
  write("0000000\0", 116); // group
  write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  write("00000000000\0", 136); // time
  write(" ".repeat(8), 148); // the checksum counts as spaces
  write("0", 156); // a file
  write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}

function padded(size: number): number {
  return Math.ceil(size / block) * block;
}
