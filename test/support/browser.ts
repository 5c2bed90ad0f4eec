/** Chromium for tests: the one of the npm package `@sparticuz/chromium` (Linux x64), with WebGPU on SwiftShader. */
import chromium from "@sparticuz/chromium";
import { chromium as playwright, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

export const noBrowser =
  process.platform === "linux" && process.arch === "x64"
    ? ""
    : `Chromium is packaged for linux x64 only, this is ${process.platform} ${process.arch}`;

const webgpu = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
];

/** @param hasWebGpu false: as on a machine without it */
export async function launchBrowser(hasWebGpu = true): Promise<Browser> {
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    headless: true,
    args: [
      "--no-sandbox",
      "--enable-precise-memory-info",
      "--js-flags=--expose-gc",
      ...(hasWebGpu ? webgpu : ["--disable-features=WebGPU"]),
    ],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** What the page complained about: errors, refused requests, violations of its policy. */
  readonly complaints: string[];
  /** Addresses that page and worker have asked for. */
  readonly requested: ReadonlySet<string>;
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requested = new Set<string>();
  context.on("request", (request) => requested.add(request.url()));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints, requested, close: () => context.close() };
}
