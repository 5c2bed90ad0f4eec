/** Uploads to a local server with the hub's API. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uploadTarget, uploadToHub, type FileToUpload, type Upload } from "../src/node/index.js";
import { startUploadServer, type UploadServer } from "./upload-server.js";

describe("uploadToHub", () => {
  let folder: string;
  let hub: UploadServer;
  let environment: Record<string, string>;
  const large = Buffer.alloc(300_000, 7);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "revq-upload-"));
    await writeFile(join(folder, "model.safetensors"), large);
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    hub = await startUploadServer();
    environment = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: "hf_test" };
  });
  afterEach(() => hub.close());
  const files = (): FileToUpload[] => [
    { path: "README.md", content: "# ä\n" },
    { path: "model.safetensors", content: { file: join(folder, "model.safetensors") } },
  ];
  const upload = (spec = "hf:me/mine"): Promise<Upload> =>
    uploadToHub(spec, files(), { title: "A title", environment });

  it("creates the repository, sends large files to storage without the token, and commits once", async () => {
    expect(await upload()).toEqual({ url: `${hub.endpoint}/me/mine`, commit: "a".repeat(40), created: true });
    expect(hub.repositories).toEqual(new Map([["me/mine", "public"]]));
    expect(hub.commits).toEqual(["main: A title"]);
    expect([...hub.files.keys()].sort()).toEqual(["README.md", "model.safetensors"]);
    expect(hub.files.get("README.md")!.toString()).toBe("# ä\n");
    expect(hub.files.get("model.safetensors")!.equals(large)).toBe(true);
  });

  it("sends only what the hub does not have, to the branch that is named", async () => {
    await uploadToHub("hf:me/mine", files(), { title: "first", environment, isPrivate: true });
    hub.requests.length = 0;
    expect(await upload("hf:me/mine@dev")).toMatchObject({ created: false });
    expect(hub.repositories.get("me/mine")).toBe("private");
    expect(hub.commits).toEqual(["main: first", "dev: A title"]);
    expect(hub.requests.filter((request) => request.startsWith("PUT"))).toEqual([]);
  });

  it.each([
    [
      "a wrong token",
      (): void => void (environment["HF_TOKEN"] = "hf_other"),
      "hub-denied",
      /does not accept the token/,
    ],
    [
      "no permission",
      (): void => void (hub.rules.refuse = { path: /create/, status: 403 }),
      "hub-denied",
      /may not write to me\/mine/,
    ],
    [
      "no such branch",
      (): void => void (hub.rules.refuse = { path: /commit/, status: 404 }),
      "hub-not-found",
      /the branch main/,
    ],
    [
      "too many requests",
      (): void => void (hub.rules.refuse = { path: /preupload/, status: 429 }),
      "hub-busy",
      /answered 429/,
    ],
    [
      "no network",
      (): void => void (environment["HF_ENDPOINT"] = "http://127.0.0.1:1"),
      "hub-connection",
      /cannot be reached/,
    ],
    [
      "no token",
      (): unknown => Object.assign(environment, { HF_TOKEN: "", HF_HOME: folder }),
      "hub-token",
      /there is no token/,
    ],
    ["another token", (): void => void (environment["HF_TOKEN"] = "secret"), "hub-token", /does not begin with "hf_"/],
    ["offline", (): void => void (environment["HF_HUB_OFFLINE"] = "1"), "hub-offline", /forbids requests/],
  ] as const)("says what is wrong: %s", async (_, prepare, code, message) => {
    prepare();
    const error = await upload().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(message);
    expect(hub.commits).toEqual([]);
  });

  it("takes whole repositories of models only", async () => {
    expect(await uploadTarget("hf:me/mine@dev", environment)).toEqual({
      url: `${hub.endpoint}/me/mine`,
      branch: "dev",
      hasToken: true,
    });
    for (const spec of ["hf:me/mine/folder", "hf:datasets/me/mine", "mine"])
      await expect(upload(spec)).rejects.toMatchObject({ code: "hub-spec" });
    expect(hub.requests).toEqual([]);
  });
});
