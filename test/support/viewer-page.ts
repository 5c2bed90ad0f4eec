/** What a person does on the viewer's page, as functions. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** As `revq encode -o ids.json` writes it. */
export interface IdsFile {
  readonly images: readonly { readonly name: string; readonly ids: readonly number[] }[];
}

/** Until everything of the image that is on screen was computed. */
export function resultShown(page: Page): Promise<void> {
  return page.locator("[data-result=done]").waitFor();
}

export function openTab(page: Page, name: string): Promise<void> {
  return page.getByRole("tab", { name, exact: true }).click();
}

export async function chooseImage(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
  await resultShown(page);
}

async function saved(page: Page, button: string): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).click(),
  ]);
  return readFile(await download.path());
}

export async function savedIds(page: Page): Promise<IdsFile["images"][number]> {
  return (JSON.parse((await saved(page, "Save ids")).toString()) as IdsFile).images[0]!;
}

/** The bytes of the PNG. */
export function savedPicture(page: Page): Promise<Buffer> {
  return saved(page, "Save PNG");
}

/** The ids that the dialog "Paste ids" starts with: those that are shown. */
export async function shownIds(page: Page): Promise<readonly number[]> {
  await page.getByRole("button", { name: "Paste ids" }).click();
  const text = await page.getByRole("textbox", { name: "Ids" }).inputValue();
  await page.keyboard.press("Escape");
  return (JSON.parse(text) as IdsFile).images[0]!.ids;
}

export async function pasteIds(page: Page, text: string): Promise<void> {
  await page.getByRole("button", { name: "Paste ids" }).click();
  await page.getByRole("textbox", { name: "Ids" }).fill(text);
  await page.getByRole("button", { name: "Decode" }).click();
}

/** How many tensors the worker holds, as the engine's dialog says. */
export async function tensorCount(page: Page): Promise<number> {
  await page.locator(".badge").click();
  const count = await page.locator("[data-tensors]").getAttribute("data-tensors");
  await page.keyboard.press("Escape");
  return Number(count);
}

export function dropFile(page: Page, name: string, type: string, content: Uint8Array): Promise<void> {
  return page.evaluate(
    ([name, type, content]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(content)], name, { type }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    },
    [name, type, [...content]] as const,
  );
}

export function pasteText(page: Page, text: string): Promise<boolean> {
  return page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    return document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
  }, text);
}

/** What axe finds that is serious or critical. */
export async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate("axe.run()")) as {
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** Bytes on the page's JavaScript heap, after a garbage collection. */
export function usedHeap(page: Page): Promise<number> {
  return page.evaluate(() => {
    (globalThis as unknown as { gc: () => void }).gc();
    return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
  });
}

/** Resident bytes of the browser's processes that run pages and their workers (Linux). */
export async function residentMemory(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  let pages = 0;
  for (const { type, id } of processInfo) {
    if (type !== "renderer") continue;
    pages += Number((await readFile(`/proc/${id}/statm`, "utf8")).split(" ")[1]);
  }
  return pages * 4096;
}
