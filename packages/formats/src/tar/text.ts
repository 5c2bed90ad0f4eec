/** Names and numbers in tar headers. */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Bytes as text. In text that is not UTF-8 every byte beyond ASCII is written `\xE9`, so that
 * different names stay different.
 */
export function tarText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`,
    ).join("");
  }
}

/** The bytes before the first zero. */
export function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** A path as tar unpacks it: relative to the working folder. */
export function relativeName(name: string): string {
  return name.replace(/^(\.?\/)+/, "");
}
