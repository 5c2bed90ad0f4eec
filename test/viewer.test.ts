/** The viewer as a person uses it: `revq view` in a real browser, checked against what the command line says. */
import { writePng } from "@revq/data";
import { writeNpy } from "@revq/formats";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, noBrowser, openPage, type WatchedPage } from "./support/browser.js";
import { relativeDifferences } from "./support/near-ties.js";
import { revqJson, sampleImages, temporaryFolder } from "./support/revq.js";
import { startStaticHost, startView, type RunningHost } from "./support/view.js";
import {
  chooseImage,
  dropFile,
  openTab,
  pasteIds,
  pasteText,
  resultShown,
  savedIds,
  savedPicture,
  seriousProblems,
  shownIds,
  tensorCount,
  residentMemory,
  usedHeap,
  type IdsFile,
} from "./support/viewer-page.js";

const full = process.env["REVQ_TEST_FULL"] !== undefined;
const imageCount = full ? 50 : 6;
const size = 64;
const channels = 8;

describe.skipIf(noBrowser)(`the viewer${noBrowser && ` (skipped: ${noBrowser})`}`, { timeout: 180_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let cwd: string;
  let browser: Browser;
  let host: RunningHost;
  let expected: IdsFile;

  beforeAll(async () => {
    folder = await temporaryFolder();
    cwd = folder.path;
    await mkdir(join(cwd, "photos"));
    await mkdir(join(cwd, "pngs"));
    const names = (await readdir(sampleImages)).filter((_, i) => i % 3 === 0);
    for (const name of names.slice(0, 24)) await cp(join(sampleImages, name), join(cwd, "photos", name));
    for (const [i, name] of names.slice(0, imageCount).entries()) {
      // Larger than the tokenizer's images and not square: cropping and resizing are compared too.
      const { data, info } = await sharp(join(sampleImages, name))
        .resize({ width: 96, height: 80, fit: "fill" })
        .raw()
        .toBuffer({ resolveWithObject: true });
      await writePng(join(cwd, "pngs", `${String(i).padStart(2, "0")}.png`), { ...info, pixels: new Uint8Array(data) });
    }
    // What else a PNG can hold: levels of transparency, grey, grey with transparency, a palette, 16 bits a channel.
    const [first, second] = names.map((name) => sharp(join(sampleImages, name)).resize(72, 90, { fit: "fill" }));
    const unusual: Record<string, Sharp> = {
      alpha: first!.clone().ensureAlpha(0.37),
      grey: first!.clone().toColourspace("b-w"),
      "grey-alpha": second!.clone().toColourspace("b-w").ensureAlpha(0.8),
      palette: second!.clone().png({ palette: true, colours: 32 }),
      sixteen: second!.clone().toColourspace("rgb16"),
    };
    for (const [name, image] of Object.entries(unusual)) {
      await image.png({ palette: name === "palette" }).toFile(join(cwd, "pngs", `x-${name}.png`));
    }
    const train = (out: string, tokens: string): Promise<unknown> =>
      revqJson(
        ["train", "--data", "photos", "--image-size", `${size}`, "--tokens", tokens, "--codes", "16", "--epochs", "1"]
          .concat([
            "--backbone",
            "linear",
            "--set",
            "rectifier.channels=16",
            "--set",
            "rectifier.headDim=8",
            "--set",
            "rectifier.layers=1",
          ])
          .concat(["--set", "quantizer.split=block", "--set", "quantizer.groups=channel", "-o", out]),
        { cwd },
      );
    await train("fine", "128");
    await train("coarse", "32");
    await revqJson(["encode", "fine", "pngs", "-o", "ids.json"], { cwd });
    expected = JSON.parse(await readFile(join(cwd, "ids.json"), "utf8")) as IdsFile;
    [browser, host] = await Promise.all([launchBrowser(), startView(["fine", "coarse", "--images", "pngs"], cwd)]);
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await host?.close();
    await folder?.remove();
  });

  /** Opened, with both tokenizers there and the first image done. */
  async function ready(path = "", options = {}): Promise<WatchedPage> {
    const watched = await openPage(browser, host.url + path, { acceptDownloads: true, ...options });
    await resultShown(watched.page);
    await watched.page.getByText("coarse", { exact: true }).first().waitFor();
    return watched;
  }

  it("gives the ids of the command line for the same PNG, and its memory does not grow", async ({ annotate }) => {
    const { page, complaints, close } = await ready("?engine=wasm");
    let different = 0;
    let before = 0;
    let heapBefore = 0;
    let residentBefore = 0;
    for (const [i, { name, ids }] of expected.images.entries()) {
      await chooseImage(page, name);
      if (i === 1) before = await tensorCount(page);
      if (i === 5) {
        heapBefore = await usedHeap(page);
        residentBefore = await residentMemory(browser);
      }
      const saved = await savedIds(page);
      expect(saved.name).toBe(name);
      different += await differences(ids, saved.ids, name);
    }
    // The worker may still hold tensors of what it does after a result, now or when they were first counted.
    await expect.poll(() => tensorCount(page), { timeout: 20_000 }).toBeLessThanOrEqual(before);
    const grown = {
      heap: (await usedHeap(page)) - heapBefore,
      resident: (await residentMemory(browser)) - residentBefore,
    };
    await annotate(
      `after ${expected.images.length} images, beside 6: ${(grown.heap / 2 ** 20).toFixed(1)} MiB more on the page's heap, ${(grown.resident / 2 ** 20).toFixed(0)} MiB more resident`,
    );
    expect(grown.heap).toBeLessThan(4 * 2 ** 20);
    expect(grown.resident).toBeLessThan(150 * 2 ** 20);
    const all = expected.images.length * expected.images[0]!.ids.length;
    await annotate(`ids that differ from the command line's, all of them near ties: ${different} of ${all}`);
    expect(complaints).toEqual([]);
    await close();
  });

  /** How many ids differ from the command line's; each must be a near tie. */
  async function differences(ours: readonly number[], theirs: readonly number[], name: string): Promise<number> {
    const found = await relativeDifferences(join(cwd, "fine"), join(cwd, "pngs", name), ours, theirs);
    for (const difference of found) expect(difference, name).toBeLessThan(1e-4);
    return found.length;
  }

  it("decodes an edited token as the command line does, and takes it back", async () => {
    const { page, complaints, close } = await ready("?engine=wasm");
    const { name, ids } = expected.images[0]!;
    await chooseImage(page, name);
    const psnr = Number.parseFloat((await page.locator(".fact dd").nth(1).textContent())!).toFixed(2);
    await openTab(page, "Tokens");
    await page.locator("rv-token-map").focus();
    await page.keyboard.press("Home");
    const inspector = page.locator(".inspector");
    await inspector.getByText("Token 0").waitFor();
    await inspector.locator(".near button").nth(2).click();
    await page.getByText(`unedited ${psnr} dB`).waitFor();
    const code = Number(await inspector.getByLabel("Code").inputValue());
    expect(code).not.toBe(ids[0]);

    await openTab(page, "Image");
    expect((await savedIds(page)).ids).toEqual([code, ...ids.slice(1)]);
    const shown = await sharp(await savedPicture(page))
      .removeAlpha()
      .raw()
      .toBuffer();
    const edited = { tokens: ids.length, vocabulary: 16 * ids.length, offsetGroups: false };
    const images = [{ name: "edited", ids: [code, ...ids.slice(1)] }];
    await writeFile(join(cwd, "edited.json"), JSON.stringify({ ...edited, images }));
    await revqJson(["decode", "fine", "edited.json", "-o", "out"], { cwd });
    const decoded = await sharp(join(cwd, "out", "edited.png"))
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(shown.length).toBe(decoded.length);
    expect(shown.reduce((most, value, i) => Math.max(most, Math.abs(value - decoded[i]!)), 0)).toBeLessThanOrEqual(1);

    // The link holds the edit.
    const again = await openPage(browser, page.url());
    await again.page.getByText("Edited tokens").waitFor();
    expect((await savedIds(again.page)).ids).toEqual([code, ...ids.slice(1)]);
    await again.close();

    await page.getByRole("button", { name: "Reset" }).click();
    expect((await savedIds(page)).ids).toEqual(ids);
    expect(complaints).toEqual([]);
    await close();
  });

  it("zeroes, shuffles and randomizes groups, and decodes pasted ids", async () => {
    const { page, close } = await ready("?engine=wasm");
    const { name, ids } = expected.images[1]!;
    await chooseImage(page, name);
    await openTab(page, "Tokens");
    await page.locator("rv-token-map").focus();
    await page.keyboard.press("Home");
    await page.getByRole("button", { name: "Its group" }).click();
    const changed = async (before: readonly number[]): Promise<number[]> => {
      const now = await shownIds(page);
      return now.flatMap((id, t) => (id === before[t] ? [] : [t]));
    };
    await page.getByRole("button", { name: "Zero", exact: true }).click();
    await page.getByRole("button", { name: /Reset \d+/ }).waitFor();
    const zeroed = await shownIds(page);
    const first = [...Array(ids.length / channels).keys()]; // a group a channel, one after the other
    expect(new Set(first.map((t) => zeroed[t])).size).toBe(1);
    expect((await changed(ids)).every((t) => first.includes(t))).toBe(true);

    await page.getByRole("button", { name: /Reset/ }).click();
    await page.getByRole("button", { name: "Shuffle" }).click();
    const shuffled = await shownIds(page);
    const sorted = (list: readonly number[]): number[] => first.map((t) => list[t]!).sort((a, b) => a - b);
    expect(sorted(shuffled)).toEqual(sorted(ids));

    await page.getByRole("button", { name: "All", exact: true }).click();
    await page.getByRole("button", { name: "Random" }).click();
    expect((await changed(ids)).length).toBeGreaterThan(ids.length / 2);

    await pasteIds(page, JSON.stringify(ids));
    expect(await shownIds(page)).toEqual(ids);

    // A stroke over the photo is one edit, which Undo takes back.
    await page.getByRole("button", { name: "Paint with tokens" }).click();
    await page.locator(".paint").getByRole("button", { name: "Zero", exact: true }).click();
    const photo = (await page.locator(".preview rv-pane").boundingBox())!;
    const at = (share: number): [number, number] => [photo.x + photo.width * share, photo.y + photo.height * 0.3];
    await page.mouse.move(...at(0.2));
    await page.mouse.down();
    await page.mouse.move(...at(0.8), { steps: 6 });
    await page.mouse.up();
    await expect.poll(async () => (await changed(ids)).length).toBeGreaterThan(1);
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await shownIds(page)).toEqual(ids);
    // Swapping needs a second photo; both halves are shown and taken back.
    await page.locator(".paint").getByRole("button", { name: "Swap", exact: true }).click();
    await page.getByLabel("Second photo").selectOption(expected.images[2]!.name);
    await page.getByText("encoding it…").waitFor({ state: "detached" });
    await page.mouse.move(...at(0.2));
    await page.mouse.down();
    await page.mouse.move(...at(0.8), { steps: 6 });
    await page.mouse.up();
    await page.getByText("what is left of it").waitFor();
    const swapped = await changed(ids);
    const shown = await shownIds(page);
    expect(swapped.length).toBeGreaterThan(0);
    expect(swapped.every((t) => shown[t] === expected.images[2]!.ids[t])).toBe(true);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("what is left of it").waitFor({ state: "detached" });
    expect(await shownIds(page)).toEqual(ids);
    await pasteIds(page, "[1, 2, 3]");
    await page.getByText(`There are 3 ids, the tokenizer has ${ids.length} tokens.`).waitFor();
    await close();
  });

  it("reveals the first tokens and saves the film of it", async () => {
    const { page, complaints, close } = await ready("?engine=wasm");
    await openTab(page, "Tokens");
    await page.getByRole("button", { name: "Reveal token by token" }).click();
    const slider = page.getByRole("slider", { name: "First tokens" });
    await slider.fill("0");
    await page.locator(".reveal-facts").getByText("0 bytes").waitFor();
    await page.getByRole("button", { name: "Play" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save film" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("revq-reveal.webm");
    const film = await readFile(await download.path());
    // EBML, which every WebM starts with, then more than one picture.
    expect(film.subarray(0, 4).toString("hex")).toBe("1a45dfa3");
    expect(film.length).toBeGreaterThan(2000);
    await page.getByText("The film is saved.").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("compares two tokenizers, draws the curves of both, counts codes", async () => {
    const { page, complaints, close } = await ready("?engine=wasm");
    await openTab(page, "Compare");
    const rows = page.getByRole("row");
    await rows.filter({ hasText: "Tokens" }).getByText("128").waitFor();
    await rows.filter({ hasText: "Tokens" }).getByText("32").waitFor();
    const handle = page.getByRole("slider", { name: "Divider" });
    await handle.focus();
    await page.keyboard.press("End");
    expect(await handle.getAttribute("aria-valuenow")).toBe("100");
    // On a wide screen the table is beside the picture, and the picture is on the screen.
    await page.setViewportSize({ width: 1920, height: 1080 });
    const picture = (await page.locator("rv-compare").boundingBox())!;
    const table = (await page.locator(".table-card").boundingBox())!;
    expect(table.x - picture.x - picture.width).toBeLessThan(24);
    expect(picture.y + picture.height).toBeLessThanOrEqual(1080);
    await openTab(page, "Curves");
    await page.locator("rv-chart canvas").first().waitFor();
    expect(await page.locator(".u-legend").first().textContent()).toContain("B coarse");
    await openTab(page, "Codebooks");
    await page.getByRole("button", { name: /^Count \d+ more images$/ }).click();
    await page.getByText("All images counted").waitFor();
    const usage = await page.locator(".stat").filter({ hasText: "Seen in these images" }).textContent();
    expect(usage).toMatch(/images\s*[1-9]/);
    expect(complaints).toEqual([]);
    await close();
  });

  it.each(["light", "dark"] as const)(
    "is accessible, %s and at phone width, without anything serious",
    async (colorScheme) => {
      const { page, close } = await ready("?engine=wasm", { colorScheme, viewport: { width: 390, height: 844 } });
      for (const name of ["Image", "Tokens", "Codebooks", "Compare", "Curves"]) {
        await openTab(page, name);
        if (name === "Tokens") {
          await page.locator("rv-token-map").focus();
          await page.keyboard.press("ArrowRight");
          await page.locator(".near button").first().waitFor();
        }
        expect(await seriousProblems(page), name).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow, `${name} is wider than the screen`).toBeLessThanOrEqual(0);
      }
      for (const open of [".badge", ".chip-name"]) {
        await page.locator(open).first().click();
        expect(await seriousProblems(page), open).toEqual([]);
        await page.keyboard.press("Escape");
      }
      await close();
    },
  );

  it("computes on WebGPU, with the same ids", async () => {
    const { page, complaints, close } = await ready("?engine=webgpu");
    expect(await page.locator(".badge").textContent()).toContain("WebGPU");
    const { name, ids } = expected.images[0]!;
    await chooseImage(page, name);
    await differences(ids, (await savedIds(page)).ids, name);
    expect(complaints).toEqual([]);
    await close();
  });

  it("works from a plain static host, and says what is wrong with an address", async () => {
    const plain = await startStaticHost(cwd);
    const watched = await openPage(browser, `${plain.url}page/?engine=wasm&tokenizer=${plain.url}files/fine/`);
    await resultShown(watched.page);
    expect(watched.complaints).toEqual([]);
    await watched.page.goto(`${plain.url}page/?engine=wasm&tokenizer=${plain.url}files/nothing/`);
    await watched.page.getByRole("alert").getByText("404").waitFor();
    await watched.close();
    await plain.close();
  });

  it("opens its own tokenizer when nothing is named, then a folder and an image of this computer", async () => {
    const plain = await startStaticHost(cwd);
    const { page, complaints, requested, close } = await openPage(browser, `${plain.url}page/?engine=wasm`);
    await page.getByRole("heading", { name: "Your photo as 1,024 tokens: 1.25 KB instead of 192 KB." }).waitFor();
    await page.getByText("154 × smaller").waitFor();
    await resultShown(page);
    // Few files of code, and nothing that only training needs.
    const scripts = [...requested].filter((url) => url.endsWith(".js"));
    expect(scripts.length).toBeLessThanOrEqual(11);
    expect(scripts.filter((url) => /gradient|webgpu|onnx|uPlot/i.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
    expect(await page.title()).toBe("friends-05.jpg as 1,024 tokens · tiny · revq");
    expect(await page.locator(".strip [tabindex='0'], .strip button:not([tabindex])").count()).toBe(2);

    // The wheel over a picture scrolls the page; Back undoes a step; a hash that is typed is followed.
    await page.locator("rv-compare").hover();
    await page.mouse.wheel(0, 120);
    await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(0);
    await openTab(page, "Tokens");
    await page.waitForURL(/tab=tokens/);
    await page.goBack();
    await page.locator("#tab-image[aria-selected=true]").waitFor();
    await page.evaluate(() => (location.hash = "tab=codebooks&image=gone.jpg&edits=0.1"));
    await page.getByText("The link's image gone.jpg is not here.").waitFor();
    await page.goBack();
    await page.locator("#tab-image[aria-selected=true]").waitFor();
    await page.locator(".chip-name").getByText("tiny", { exact: true }).waitFor();
    expect((await savedIds(page)).ids).toHaveLength(1024);
    await page.locator(".chip-name").first().click();
    const chooser = page.waitForEvent("filechooser");
    await page.getByText("Choose a folder…").click();
    await (await chooser).setFiles(join(cwd, "coarse"));
    await page.getByText("coarse", { exact: true }).first().waitFor();
    await page.locator(".pick input").setInputFiles(join(cwd, "pngs", "00.png"));
    await page.getByRole("button", { name: "00.png", exact: true }).waitFor();
    await resultShown(page);
    expect(await savedIds(page)).toMatchObject({ name: "00.png" });
    await page.locator(".pick input").setInputFiles(join(cwd, "ids.json"));
    await page.getByText("There are 128 ids, the tokenizer has 32 tokens.").waitFor();
    await close();
    await plain.close();
  });

  it("takes what is dropped and pasted anywhere on the page", async () => {
    const { page, close } = await ready("?engine=wasm");
    await dropFile(page, "dropped.png", "image/png", await readFile(join(cwd, "pngs", "01.png")));
    await page.getByRole("button", { name: "dropped.png", exact: true }).waitFor();
    await resultShown(page);
    expect(await savedIds(page)).toEqual({ name: "dropped.png", ids: expected.images[1]!.ids });
    // The link of an image that is nobody else's holds its ids instead.
    await expect.poll(() => page.url()).toContain("ids=");

    await dropFile(page, "broken.png", "image/png", Uint8Array.of(1, 2, 3));
    await page.getByRole("alert").getByText("The image broken.png cannot be read").waitFor();

    await dropFile(page, "metrics.jsonl", "", Buffer.from('{"epoch":1,"psnr":20}\n{"epoch":2,"psnr":21}\n'));
    await page.getByRole("heading", { name: /^psnr/ }).waitFor();

    await openTab(page, "Image");
    await pasteText(page, JSON.stringify(expected.images[2]!.ids));
    await page.getByText("These are the pasted ids.").waitFor();
    expect((await savedIds(page)).ids).toEqual(expected.images[2]!.ids);
    await close();
  });

  it("shows the codebooks of a tokenizer of latents, and says why there is no image", async () => {
    const latents = Float32Array.from({ length: 64 * 4 * 4 * 4 }, (_, i) => Math.sin(i * 1.7) + Math.cos(i * i));
    await writeFile(join(cwd, "latents.npy"), writeNpy({ shape: [64, 4, 4, 4], data: latents }));
    const sizes = ["--tokens", "16", "--codes", "4", "--rectifier", "identity"];
    await revqJson(["train", "--latents", "latents.npy", ...sizes, "-o", "latent-only"], { cwd });
    const own = await startView(["latent-only"], cwd);
    const { page, complaints, close } = await openPage(browser, `${own.url}?engine=wasm`);
    await page.getByRole("note").getByText("trained on latents alone").waitFor();
    await page.getByRole("button", { name: "Look at its codebooks" }).click();
    await page.locator("rv-codes").waitFor();
    await page.locator("rv-codes").focus();
    await page.keyboard.press("ArrowRight");
    await page.getByText("Code 0").waitFor();
    expect(complaints).toEqual([]);
    await close();
    await own.close();
  });
});
