/**
 * A local server that takes commits as the hub does: the API of
 * https://huggingface.co/docs/hub/api and git-lfs' batch API with the transfer `basic`.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface UploadServer {
  readonly endpoint: string;
  /** Contents by path, after commits. */
  readonly files: Map<string, Buffer>;
  /** Titles of the commits, with their branches. */
  readonly commits: string[];
  /** The repositories, with their visibility. */
  readonly repositories: Map<string, string>;
  readonly requests: string[];
  /** The token that it accepts, and a status for requests whose path matches. */
  readonly rules: { token: string; refuse?: { path: RegExp; status: number } };
  close(): void;
}

interface CommitLine {
  readonly key: "header" | "file" | "lfsFile";
  readonly value: { summary?: string; path?: string; content?: string; encoding?: string; oid?: string; size?: number };
}

export async function startUploadServer(): Promise<UploadServer> {
  const files = new Map<string, Buffer>();
  const storage = new Map<string, Buffer>();
  const commits: string[] = [];
  const repositories = new Map<string, string>();
  const requests: string[] = [];
  const rules: UploadServer["rules"] = { token: "hf_test" };

  const answer = (request: IncomingMessage, pathname: string, body: Buffer): [status: number, json: unknown] => {
    const storing = /^\/storage\/([0-9a-f]{64})$/.exec(pathname);
    if (storing) {
      // Storage is another host: a token must not get there, and contents must have their names.
      const isRight = createHash("sha256").update(body).digest("hex") === storing[1];
      if (!isRight || request.headers.authorization !== undefined) return [400, { error: "wrong content" }];
      storage.set(storing[1]!, body);
      return [200, {}];
    }
    if (request.headers.authorization !== `Bearer ${rules.token}`) return [401, { error: "Invalid credentials" }];
    if (rules.refuse?.path.test(pathname)) return [rules.refuse.status, { error: "as told" }];
    const read = <T>(): T => JSON.parse(body.toString()) as T;
    if (pathname === "/api/repos/create") {
      const { name, organization, visibility } = read<{ name: string; organization: string; visibility: string }>();
      repositories.set(`${organization}/${name}`, visibility);
      return [200, { url: `http://hub/${organization}/${name}`, id: "1" }];
    }
    const name = [...repositories.keys()].find((known) => pathname.includes(`/${known}`));
    if (name === undefined) return [404, { error: "Repository not found" }];
    if (pathname === `/api/models/${name}`)
      return [200, { _id: "1", id: name, private: false, downloads: 0, likes: 0, lastModified: 0 }];
    if (pathname.startsWith(`/api/models/${name}/preupload/`)) {
      const asked = read<{ files: { path: string; size: number }[] }>().files;
      const uploadMode = (path: string): string => (path.endsWith(".safetensors") ? "lfs" : "regular");
      return [200, { files: asked.map(({ path }) => ({ path, uploadMode: uploadMode(path) })) }];
    }
    if (pathname === `/${name}.git/info/lfs/objects/batch`) {
      const { objects } = read<{ objects: { oid: string; size: number }[] }>();
      const upload = (oid: string) => ({ actions: { upload: { href: `${other()}/storage/${oid}` } } });
      return [
        200,
        {
          transfer: "basic",
          objects: objects.map((each) => ({ ...each, ...(storage.has(each.oid) ? {} : upload(each.oid)) })),
        },
      ];
    }
    const branch = new RegExp(`^/api/models/${name}/commit/(.+)$`).exec(pathname)?.[1];
    if (branch === undefined) return [404, { error: "no such page" }];
    for (const line of body.toString().trim().split("\n")) {
      const { key, value } = JSON.parse(line) as CommitLine;
      if (key === "header") commits.push(`${branch}: ${value.summary}`);
      if (key === "file") files.set(value.path!, Buffer.from(value.content!, value.encoding as BufferEncoding));
      if (key === "lfsFile") files.set(value.path!, storage.get(value.oid!)!);
    }
    return [200, { success: true, commitOid: "a".repeat(40), commitUrl: "http://hub/commit", hookOutput: "" }];
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { pathname } = new URL(request.url!, "http://hub");
      requests.push(`${request.method} ${pathname}`);
      const [status, json] = answer(request, decodeURIComponent(pathname), Buffer.concat(chunks));
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((done) => server.listen(0, done));
  const { port } = server.address() as AddressInfo;
  const other = (): string => `http://localhost:${port}`;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    files,
    commits,
    repositories,
    requests,
    rules,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
