/**
 * A writer of the protobuf wire format for ONNX models. Not a protobuf library: no schema, no
 * reading. Source: https://protobuf.dev/programming-guides/encoding/
 */

const encoder = new TextEncoder();

/**
 * Grows a byte buffer while fields are appended; nested messages are written by their own writer
 * and appended as bytes.
 */
export class ProtobufWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /**
   * A non-negative or negative integer up to 2^53 as a varint field (wire type 0); negative numbers
   * take ten bytes.
   */
  varint(field: number, value: number): this {
    this.#tag(field, 0);
    if (value < 0) this.#rawVarint(BigInt.asUintN(64, BigInt(value)));
    else this.#smallVarint(value);
    return this;
  }

  /** A 32-bit float field (wire type 5). */
  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  /** A UTF-8 string field. */
  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  /** A length-delimited field: raw bytes or an encoded message. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2);
    this.#smallVarint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** A nested message. */
  message(field: number, write: (writer: ProtobufWriter) => void): this {
    const nested = new ProtobufWriter();
    write(nested);
    return this.bytes(field, nested.finish());
  }

  /** The bytes written so far; a view, valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #tag(field: number, wireType: number): void {
    this.#smallVarint(field * 8 + wireType);
  }

  #smallVarint(value: number): void {
    this.#reserve(10);
    while (value >= 128) {
      this.#bytes[this.#length++] = (value % 128) + 128;
      value = Math.floor(value / 128);
    }
    this.#bytes[this.#length++] = value;
  }

  #rawVarint(value: bigint): void {
    this.#reserve(10);
    while (value >= 128n) {
      this.#bytes[this.#length++] = Number(value & 127n) | 128;
      value >>= 7n;
    }
    this.#bytes[this.#length++] = Number(value);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
