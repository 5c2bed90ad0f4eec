/**
 * `fetch` for range requests with the browser's Cache Storage. Each opening asks the server once
 * for the entity tag: the first-byte probe of `fromUrl` is never cached. Later ranges come from the
 * cache if the tag is the same.
 */

import { RevqError } from "@revq/core";

const cacheName = "revq-weights-1";

/** @param caches undefined without Cache Storage (not a secure context): then nothing is kept */
export function rangeCache(
  caches: CacheStorage | undefined = globalThis.caches,
  fetchBytes: typeof fetch = fetch,
): typeof fetch {
  const tags = new Map<string, string>();
  return async (input, init) => {
    const url = String(input instanceof Request ? input.url : input);
    const range = new Headers(init?.headers).get("range");
    const tag = tags.get(url);
    const cache = range && caches ? await caches.open(cacheName).catch(() => undefined) : undefined;
    if (!cache || !range) return fetchBytes(input, init);
    if (tag !== undefined) {
      const hit = await cache.match(keyOf(url, tag, range));
      if (hit) return replay(hit);
    }
    const response = await fetchBytes(input, tag === undefined ? init : onlyIf(tag, init));
    const fresh = response.headers.get("etag");
    // The whole file, or a range of another version: what was read so far is of the old one.
    if (tag !== undefined && (response.status === 200 || (fresh !== null && fresh !== tag))) throw changed(url);
    if (response.status !== 206 || !fresh) return response;
    if (tag === undefined) {
      tags.set(url, fresh);
      await forgetOthers(cache, url, fresh);
    } else {
      return keep(cache, keyOf(url, tag, range), response);
    }
    return response;
  };
}

/** `If-Range` (RFC 9110, section 13.1.5): the range of this version, or else the whole file. Weak tags are no use for it. */
function onlyIf(tag: string, init: RequestInit | undefined): RequestInit {
  const headers = new Headers(init?.headers);
  if (!tag.startsWith("W/")) headers.set("if-range", tag);
  return { ...init, headers };
}

function changed(url: string): RevqError {
  return new RevqError("weights-changed", `${url} has changed while it was read.`, { fix: "Open it again." });
}

/** Cache keys are URLs; the tag and the range are part of the key. */
function keyOf(url: string, tag: string, range: string): string {
  const key = new URL(url);
  key.searchParams.set("revq-tag", tag);
  key.searchParams.set("revq-range", range);
  return key.href;
}

/** Caches refuse partial responses, so the status is put into a header and back. */
async function keep(cache: Cache, key: string, response: Response): Promise<Response> {
  const bytes = await response.arrayBuffer();
  const headers = new Headers({
    "content-range": response.headers.get("content-range") ?? "",
    etag: response.headers.get("etag") ?? "",
  });
  await cache.put(key, new Response(bytes, { headers })).catch(() => {}); // a full disk only means no cache
  return new Response(bytes, { status: 206, headers });
}

function replay(hit: Response): Response {
  return new Response(hit.body, { status: 206, headers: hit.headers });
}

async function forgetOthers(cache: Cache, url: string, tag: string): Promise<void> {
  const plain = new URL(url);
  for (const { url: key } of await cache.keys()) {
    const other = new URL(key);
    const sameUrl = other.origin === plain.origin && other.pathname === plain.pathname;
    if (sameUrl && other.searchParams.get("revq-tag") !== tag) await cache.delete(key);
  }
}
