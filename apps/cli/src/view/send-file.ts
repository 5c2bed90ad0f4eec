/** Answers with a file, or with one range of it (RFC 9110, sections 13 and 14). */
import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { pipeline } from "node:stream";
import type { Found } from "./allowed-files.js";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".jsonl": "application/x-ndjson; charset=utf-8",
  ".wasm": "application/wasm",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".webp": "image/webp",
};

/** Names in `assets/` contain a hash of the content. */
const unchanging = "public, max-age=31536000, immutable";

export function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: Found & { readonly status: 200 },
  { immutable }: { immutable: boolean },
): void {
  const { path, size, modified } = file;
  const etag = `"${size.toString(36)}-${Math.trunc(modified).toString(36)}"`;
  response.setHeader("Content-Type", types[extname(path).toLowerCase()] ?? "application/octet-stream");
  response.setHeader("ETag", etag);
  response.setHeader("Cache-Control", immutable ? unchanging : "no-cache");
  response.setHeader("Accept-Ranges", "bytes");
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304).end();
    return;
  }
  // A range of another version than the client has begun with would mix two files.
  const ifRange = request.headers["if-range"];
  const range = parseRange(ifRange === undefined || ifRange === etag ? request.headers.range : undefined, size);
  if (range === "unsatisfiable") {
    response.setHeader("Content-Range", `bytes */${size}`);
    response.writeHead(416).end();
    return;
  }
  const { first, last } = range ?? { first: 0, last: size - 1 };
  if (range) response.setHeader("Content-Range", `bytes ${first}-${last}/${size}`);
  response.setHeader("Content-Length", last - first + 1);
  response.writeHead(range ? 206 : 200);
  if (request.method === "HEAD" || size === 0) {
    response.end();
    return;
  }
  // A client that disconnects early cannot be told of an error.
  pipeline(createReadStream(path, { start: first, end: last }), response, () => {});
}

/** One range of bytes. Undefined means the whole file: there is no range, or one that this server does not support. */
function parseRange(
  header: string | undefined,
  size: number,
): { first: number; last: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [, from, to] = match;
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(size - 1, Number(to));
  if (first >= size || (from === "" && Number(to) === 0)) return "unsatisfiable";
  return first > last ? undefined : { first, last };
}
