/** The viewer where a browser misbehaves: canvases that add noise, a GPU that goes away; and the page on a static host. */
import { tokenizerFolder } from "@revq/tokenizer-tiny";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, noBrowser, openPage } from "./support/browser.js";
import { relativeDifferences } from "./support/near-ties.js";
import { revqJson, sampleImages, temporaryFolder } from "./support/revq.js";
import { startStaticHost, type RunningHost } from "./support/view.js";
import { dropFile, resultShown, savedIds, type IdsFile } from "./support/viewer-page.js";

const tiny = fileURLToPath(tokenizerFolder);

describe.skipIf(noBrowser)(
  `the viewer in other browsers${noBrowser && ` (skipped: ${noBrowser})`}`,
  { timeout: 180_000 },
  () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let browser: Browser;
    let host: RunningHost;
    let photo: Buffer;
    let expected: readonly number[];

    beforeAll(async () => {
      folder = await temporaryFolder();
      photo = await sharp(join(sampleImages, "wine-11.jpg")).resize(300, 280, { fit: "fill" }).png().toBuffer();
      await sharp(photo).toFile(join(folder.path, "photo.png"));
      await revqJson(["encode", tiny, "photo.png", "-o", "ids.json"], { cwd: folder.path });
      const file = JSON.parse(await readFile(join(folder.path, "ids.json"), "utf8")) as IdsFile;
      expected = file.images[0]!.ids;
      [browser, host] = await Promise.all([launchBrowser(), startStaticHost(folder.path)]);
    }, 240_000);

    afterAll(async () => {
      await browser?.close();
      await host?.close();
      await folder?.remove();
    });

    /** Opens the page with this code at the start of its worker. */
    async function openWith(code: string, query = "?engine=wasm"): Promise<Awaited<ReturnType<typeof openPage>>> {
      const watched = await openPage(browser, "about:blank", { acceptDownloads: true });
      await watched.page.context().route(/\/assets\/main-[\w-]+\.js$/, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, body: `${code}\n${await response.text()}` });
      });
      await watched.page.goto(`${host.url}page/${query}`);
      return watched;
    }

    /** As browsers do that fight fingerprinting. */
    const noise = `{
    const read = OffscreenCanvasRenderingContext2D.prototype.getImageData;
    OffscreenCanvasRenderingContext2D.prototype.getImageData = function (...args) {
      const image = read.apply(this, args);
      for (let i = 0; i < image.data.length; i += 7) image.data[i] ^= 1;
      return image;
    };
  }`;

    async function drop(page: Page): Promise<void> {
      await resultShown(page);
      await dropFile(page, "photo.png", "image/png", photo);
    }

    it("reads images without a canvas where canvases add noise: the ids stay those of the command line", async () => {
      const { page, close } = await openWith(noise);
      await drop(page);
      await page.getByRole("button", { name: "photo.png", exact: true }).waitFor();
      await resultShown(page);
      const { ids } = await savedIds(page);
      const found = await relativeDifferences(tiny, join(folder.path, "photo.png"), expected, ids);
      for (const difference of found) expect(difference).toBeLessThan(1e-4);
      await close();
    });

    it("says so where there is no other way to read an image", async () => {
      const { page, close } = await openWith(`${noise} delete globalThis.ImageDecoder;`);
      await page.getByRole("alert").getByText("This browser adds noise to pictures").waitFor();
      await close();
    });

    it("shows a dropped photo before it is encoded", async () => {
      const { page, close } = await openWith("");
      await resultShown(page);
      const before = await page.evaluate(() => {
        const shown = (document.querySelector("rv-compare") as HTMLElement & { image: object }).image;
        (globalThis as { before?: object }).before = shown;
        return shown !== null;
      });
      expect(before).toBe(true);
      await dropFile(page, "photo.png", "image/png", photo);
      await page.waitForFunction(() => {
        const { image } = document.querySelector("rv-compare") as HTMLElement & { image: object | null };
        const busy = document.querySelector("[data-result=busy]") !== null;
        return busy && image !== null && image !== (globalThis as { before?: object }).before;
      });
      await resultShown(page);
      await close();
    });

    it("says how to go on when the GPU goes away, with a link that keeps what was shown", async () => {
      const lose = `addEventListener("message", ({ data }) => data === "lose" && lose());
      let lose;
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...args) {
        const device = await request.apply(this, args);
        const lost = new Promise((resolve) => (lose = () => resolve({ reason: "unknown", message: "A test." })));
        Object.defineProperty(device, "lost", { value: lost });
        return device;
      };`;
      const { page, close } = await openWith(lose, "?engine=webgpu#tab=codebooks");
      await page.locator(".badge").getByText("WebGPU").waitFor();
      await page.getByText("tiny", { exact: true }).first().waitFor();
      await Promise.all(
        page
          .workers()
          .map((worker) => worker.evaluate(() => dispatchEvent(new MessageEvent("message", { data: "lose" })))),
      );
      await page.getByRole("alert").getByText("The browser has lost the GPU device").waitFor();
      await page.getByRole("link", { name: "Compute with WebAssembly" }).click();
      await page.locator(".badge").getByText("WebAssembly").waitFor();
      expect(new URL(page.url()).hash).toContain("tab=codebooks");
      await close();
    });
  },
);
