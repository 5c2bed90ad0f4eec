import { Args, Flags } from "@oclif/core";
import { RevqError } from "@revq/core";
import { siteFolder } from "@revq/viewer";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BaseCommand } from "../base-command.js";
import { repeated, whatImagesAre } from "../images/image-flags.js";
import { UsageError } from "../errors/usage-error.js";
import { decoderWeightsFlag, weightsFlag } from "../tokenizer/flags.js";

interface ViewReport {
  readonly url: string;
  readonly port: number;
}

export default class View extends BaseCommand {
  static override summary = "Look at a tokenizer in the browser: reconstructions, tokens, codebooks.";
  static override description =
    "Serves a page on this computer and opens it. The browser computes everything; nothing is uploaded. The server listens on loopback only. It serves the page, the files of the tokenizers, the weights of their backbones, and the images of --images. With two tokenizers the page compares them.";
  static override examples = [
    { description: "The bundled small tokenizer:", command: "<%= config.bin %> view" },
    "<%= config.bin %> view my-tokenizer",
    "<%= config.bin %> view my-tokenizer --images photos/",
    { description: "Two runs of an ablation, on the same image:", command: "<%= config.bin %> view run-1 run-2" },
  ];
  static override strict = false;
  static override args = {
    tokenizer: Args.string({
      description: "folder that `revq train` wrote; two to compare; default: the bundled small tokenizer",
      required: false,
    }),
  };
  static override flags = {
    images: Flags.string({ description: `images to show: ${whatImagesAre}`, helpValue: "<dir>", ...repeated }),
    port: Flags.integer({ description: "port to listen on (default: any free port)", min: 0, max: 65535, default: 0 }),
    open: Flags.boolean({ description: "open the browser", default: true, allowNo: true }),
    weights: weightsFlag,
    "decoder-weights": decoderWeightsFlag,
  };

  async run(): Promise<ViewReport> {
    const { argv, flags } = await this.parse(View);
    const tokenizers = argv as string[];
    if (tokenizers.length > 2) {
      throw new UsageError(
        "too-many-tokenizers",
        `${tokenizers.length} tokenizers were named; the page compares two.`,
        {
          fix: "Name one or two folders.",
        },
      );
    }
    const site = fileURLToPath(siteFolder);
    if (!existsSync(join(site, "index.html"))) {
      throw new RevqError("viewer-not-built", "The viewer's page is not built.", { fix: "Run `npm run build`." });
    }
    const { openBrowser } = await import("../view/open-browser.js");
    const { collectServed } = await import("../view/served-files.js");
    const { startViewServer } = await import("../view/server.js");
    const served = await collectServed({
      tokenizers,
      images: flags.images,
      weights: flags.weights,
      decoderWeights: flags["decoder-weights"],
    });
    const server = await startViewServer({ site, ...served, port: flags.port });
    const report = { url: server.url, port: server.port };
    if (this.jsonEnabled()) this.logJson(report);
    else this.log(`${server.url}\nPress Ctrl-C to stop.`);
    if (flags.open) openBrowser(server.url);
    await new Promise<void>((resolve) => this.signal.addEventListener("abort", () => resolve(), { once: true }));
    await server.close();
    return report;
  }

  /** With --json the address is printed as soon as the server is up, because a program waits for it. */
  protected override toSuccessJson(): unknown {
    return undefined;
  }

  override logJson(json: unknown): void {
    if (json !== undefined) super.logJson(json);
  }
}
