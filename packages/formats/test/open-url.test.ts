import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAll } from "../src/index.js";
import { openWeights as openInBrowser } from "../src/open-weights.js";
import { openWeights } from "../src/node/index.js";

const files: Record<string, string> = {
  "/vae/config.json": "{}",
  "/vae/diffusion_pytorch_model.safetensors": "weights",
  "/vae/unusual name.bin": "unusual",
};
let server: Server;
let root: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const text = files[decodeURIComponent(new URL(request.url!, "http://x").pathname)];
    if (text !== undefined) response.writeHead(200, { "content-type": "application/octet-stream" }).end(text);
    // What servers of single-page programs answer for anything that is not there.
    else response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

describe.each([
  ["Node", openWeights],
  ["a browser", openInBrowser],
])("a URL in %s", (_, open) => {
  it("of a folder is asked for the names that models have, and opens any other", async () => {
    const source = await open(`${root}/vae`);
    expect(await source.list()).toEqual(["config.json", "diffusion_pytorch_model.safetensors"]);
    expect(new TextDecoder().decode(await readAll(await source.open("unusual name.bin")))).toBe("unusual");
  });

  it("of a file is that file", async () => {
    const source = await open(`${root}/vae/diffusion_pytorch_model.safetensors?download=true`);
    expect(await source.list()).toEqual(["diffusion_pytorch_model.safetensors"]);
    expect((await source.open("diffusion_pytorch_model.safetensors")).size).toBe(7);
    await expect(source.open("config.json")).rejects.toMatchObject({ code: "weights-file-missing" });
    expect((await source.beside!("config.json"))!.size).toBe(2);
    expect(await source.beside!("other.json")).toBeUndefined(); // the page of a single-page server
  });

  it("that cannot be reached says so", async () => {
    const source = await open("http://127.0.0.1:9/model/");
    await expect(source.list()).rejects.toMatchObject({
      code: "url-connection",
      message: expect.stringContaining("127.0.0.1:9"),
    });
  });
});

it("a path is refused where there are no files", async () => {
  await expect(openInBrowser("models/x")).rejects.toMatchObject({
    code: "weights-not-found",
    fix: expect.stringMatching(/hf:/),
  });
});
