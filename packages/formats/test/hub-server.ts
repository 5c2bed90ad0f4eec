/**
 * A local server that speaks the hub's API as far as revq and `@huggingface/hub` use it, with the
 * faults that real ones have.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HubFault {
  /** Cuts the connection after so many bytes of a body, this many times. */
  cut?: { after: number; times: number };
  /** Sends other bytes than it announces, this many times. */
  corrupt?: number;
  /** Answers with the whole file whatever range is asked for. */
  noRanges?: boolean;
  /** Every API request gets this status. */
  status?: number;
  /** Asks for this token. */
  token?: string;
  /** Answers 503 to the next so many requests for files. */
  busy?: number;
}

export interface HubServer {
  readonly endpoint: string;
  readonly commit: string;
  readonly fault: HubFault;
  /** Method, path and range of every request. */
  readonly requests: string[];
  /** Headers of requests to the storage host, which must not see the token. */
  readonly storageAuthorization: (string | undefined)[];
  close(): void;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitSha1 = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/**
 * @param files paths to contents; those ending in .safetensors are "large": a sha256 and a redirect
 * to another host
 */
export async function startHub(
  repository: string,
  files: Readonly<Record<string, Uint8Array>>,
  kind: "models" | "datasets" = "models",
): Promise<HubServer> {
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const fault: HubFault = {};
  const requests: string[] = [];
  const storageAuthorization: (string | undefined)[] = [];
  const paths = Object.keys(files);
  const isLarge = (path: string): boolean => path.endsWith(".safetensors");

  const entry = (path: string): object => {
    const bytes = files[path]!;
    const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 134 };
    return { type: "file", path, size: bytes.length, oid: gitSha1(bytes), ...(isLarge(path) ? { lfs } : {}) };
  };

  const sendFile = (request: IncomingMessage, response: ServerResponse, path: string): void => {
    if (fault.busy) {
      fault.busy--;
      response.writeHead(503).end();
      return;
    }
    let bytes = Buffer.from(files[path]!);
    if (fault.corrupt) {
      fault.corrupt--;
      bytes = Buffer.from(bytes.map((byte) => byte ^ 1));
    }
    const range = fault.noRanges ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const start = range ? Number(range[1]) : 0;
    const end = range?.[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1;
    if (start > 0 && start >= bytes.length) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      return;
    }
    const body = bytes.subarray(start, end + 1);
    response.writeHead(range ? 206 : 200, {
      "content-length": body.length,
      etag: `"${sha256(files[path]!)}"`,
      ...(range ? { "content-range": `bytes ${start}-${end}/${bytes.length}` } : {}),
    });
    if (fault.cut?.times && body.length > fault.cut.after) {
      fault.cut.times--;
      // Later, so that the reader has what was sent: an error drops what its stream still holds.
      response.write(body.subarray(0, fault.cut.after), () => setTimeout(() => response.destroy(), 30));
      return;
    }
    response.end(body);
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(request.url!, "http://hub");
    requests.push(`${request.method} ${pathname}${request.headers.range ? ` ${request.headers.range}` : ""}`);
    const json = (value: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
    };
    const refuse = (status: number, error: string): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error }));
    };
    if (pathname.startsWith("/storage/")) {
      storageAuthorization.push(request.headers.authorization);
      return sendFile(request, response, decodeURIComponent(pathname.slice("/storage/".length)));
    }
    if (fault.token && request.headers.authorization !== `Bearer ${fault.token}`) return refuse(401, "no access");
    if (fault.status) return refuse(fault.status, "as told");
    const api = `/api/${kind}/${repository}`;
    if (pathname === `${api}/revision/main` || pathname === `${api}/revision/${commit}`) {
      return json({ _id: "1", id: repository, sha: commit, private: false, downloads: 0, likes: 0, lastModified: 0 });
    }
    if (pathname === `${api}/tree/${commit}`) {
      // Two a page, as the hub pages long lists.
      const page = Number(searchParams.get("cursor") ?? 0);
      const next = `<${endpoint}${pathname}?recursive=true&cursor=${page + 2}>; rel="next"`;
      const folder = { type: "directory", path: "vae", size: 0, oid: commit };
      return json(
        [...(page === 0 ? [folder] : []), ...paths.slice(page, page + 2).map(entry)],
        page + 2 < paths.length ? { link: next } : {},
      );
    }
    if (request.method === "POST" && pathname === `${api}/paths-info/${commit}`) {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const { paths: asked } = JSON.parse(body) as { paths: string[] };
        json(asked.map((path) => ({ ...entry(path), lastCommit: { id: commit, title: "", date: 0 } })));
      });
      return;
    }
    const resolve = `/${kind === "datasets" ? "datasets/" : ""}${repository}/resolve/${commit}/`;
    const path = decodeURIComponent(pathname.slice(resolve.length));
    if (pathname.startsWith(resolve) && path in files) {
      if (!isLarge(path)) return sendFile(request, response, path);
      // Another host, as far as fetch is concerned: the token must not follow.
      response.writeHead(302, { location: `${endpoint.replace("127.0.0.1", "localhost")}/storage/${path}` }).end();
      return;
    }
    refuse(404, "Repository not found");
  };
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, done));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    commit,
    fault,
    requests,
    storageAuthorization,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
