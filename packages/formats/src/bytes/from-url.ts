/**
 * A file behind HTTP(S), read by range requests (RFC 9110, section 14). If the server ignores
 * `Range`, the whole body is read into memory, up to a limit. There are no retries and no cache;
 * the hub client has them.
 */
import { isRevqError, RevqError, type ByteSource } from "@revq/core";
import { checkLength, checkRange } from "./byte-source.js";
import { fromBuffer } from "./from-buffer.js";

export interface UrlOptions {
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Sent with every request, for example `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /**
   * The largest body, in bytes, that is kept in memory when the server ignores `Range`. Default 256
   * MiB.
   */
  readonly maxWholeBody?: number;
}

const defaultMaxWholeBody = 256 * 1024 * 1024;

/**
 * Requests the first byte, which gives the size and shows whether the server supports ranges.
 * @throws RevqError `url-status`, `url-connection`, `url-no-ranges`, `url-no-content-range`
 * @example
 * const source = await fromUrl("data:application/octet-stream,abc");
 * new TextDecoder().decode(await source.read(1, 2)); // => "bc"
 */
export async function fromUrl(url: string, options: UrlOptions = {}): Promise<ByteSource> {
  const maxWholeBody = options.maxWholeBody ?? defaultMaxWholeBody;
  const probe = await request(url, 0, 0, options);
  if (probe.status === 200) return fromBuffer(url, await wholeBody(url, probe, maxWholeBody));

  const range = parseContentRange(probe.headers.get("content-range"));
  await probe.body?.cancel();
  if (probe.status === 416 && range?.total === 0) return fromBuffer(url, new Uint8Array(0));
  if (probe.status !== 206) throw statusError(url, probe);
  if (!range) {
    throw new RevqError(
      "url-no-content-range",
      `${url}: the server answered 206 without a readable Content-Range header.`,
      {
        fix: "Allow the header (in a browser: Access-Control-Expose-Headers: Content-Range), or download the file.",
      },
    );
  }
  const { total } = range;
  const entityTag = probe.headers.get("etag");
  const identity = { name: url, size: total };
  return {
    ...identity,
    async read(offset, length) {
      checkRange(identity, offset, length);
      if (length === 0) return new Uint8Array(0);
      const response = await request(url, offset, offset + length - 1, options);
      const got = parseContentRange(response.headers.get("content-range"));
      const changed = got?.total !== total || response.headers.get("etag") !== entityTag;
      if (response.status !== 206 || got?.start !== offset || got.end !== offset + length - 1 || changed) {
        await response.body?.cancel();
        if (response.status >= 400) throw statusError(url, response);
        throw new RevqError(
          "url-range-answer",
          `${url}: bytes ${offset}-${offset + length - 1} of ${total} were requested, but the server answered ` +
            `${response.status} with Content-Range "${response.headers.get("content-range") ?? ""}".`,
          {
            fix: changed ? "The file changed while it was read. Start again." : "Download the file and give its path.",
          },
        );
      }
      return checkLength(identity, await body(url, response), length);
    },
  };
}

async function request(url: string, first: number, last: number, options: UrlOptions): Promise<Response> {
  const fetchBytes = options.fetch ?? globalThis.fetch;
  try {
    return await fetchBytes(url, {
      headers: { ...options.headers, range: `bytes=${first}-${last}` },
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (cause) {
    if (isRevqError(cause)) throw cause; // of a fetch that knows more about the server
    throw connectionError(url, cause);
  }
}

async function wholeBody(url: string, response: Response, maxWholeBody: number): Promise<Uint8Array> {
  const announced = Number(response.headers.get("content-length") ?? Number.NaN);
  if (announced > maxWholeBody) {
    await response.body?.cancel();
    throw tooLarge(url, `${announced}`, maxWholeBody);
  }
  if (!response.body) return new Uint8Array(0);
  // Without Content-Length the size is unknown before reading: stop before the memory is full.
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw connectionError(url, cause);
    });
    if (done) break;
    size += value.byteLength;
    if (size > maxWholeBody) {
      await reader.cancel();
      throw tooLarge(url, `more than ${maxWholeBody}`, maxWholeBody);
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

async function body(url: string, response: Response): Promise<Uint8Array> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw connectionError(url, cause);
  }
}

/**
 * Parses "bytes 0-0/1234" and, for a refused range, "bytes" star "/1234". Undefined when the total
 * is missing.
 */
function parseContentRange(header: string | null): { start: number; end: number; total: number } | undefined {
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(header?.trim() ?? "");
  if (!match) return undefined;
  return { start: Number(match[1] ?? Number.NaN), end: Number(match[2] ?? Number.NaN), total: Number(match[3]) };
}

function statusError(url: string, response: Response): RevqError {
  const why = response.status === 401 || response.status === 403 ? " (access denied)" : "";
  return new RevqError("url-status", `${url}: the server answered ${response.status} ${response.statusText}${why}.`, {
    fix: response.status === 404 ? "Check the address." : "Check the address and your access, then try again.",
  });
}

function connectionError(url: string, cause: unknown): RevqError {
  const reason =
    cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : `${cause}`;
  return new RevqError("url-connection", `${url}: the connection failed (${reason}).`, {
    fix: "Check the address and the network, or download the file and give its path.",
    cause,
  });
}

function tooLarge(url: string, size: string, limit: number): RevqError {
  return new RevqError(
    "url-no-ranges",
    `${url}: the server ignores range requests, and the file has ${size} bytes. The limit for reading it whole is ${limit}.`,
    { fix: "Download the file and give its path, or use a server that supports range requests." },
  );
}
