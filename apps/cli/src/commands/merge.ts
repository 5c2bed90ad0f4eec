import { Args, Flags } from "@oclif/core";
import { isLatentStore, joinStore, mergeStores } from "@revq/data";
import { RevqError } from "@revq/core";
import { resolve } from "node:path";
import { BaseCommand } from "../base-command.js";

interface MergeResult {
  readonly store: string;
  readonly latents: number;
  readonly shards: number;
  readonly skipped: number;
  readonly verified: boolean;
}

export default class Merge extends BaseCommand {
  static override summary = "Join the shards that several `revq extract --shard` made.";
  static override description =
    "Checks that every shard is there, once, whole (its SHA-256) and of the same backbone and list of images, then writes the store's manifest. Doing it again changes nothing.";
  static override examples = [
    { description: "All machines wrote into one folder:", command: "<%= config.bin %> merge store" },
    { description: "Each wrote into its own:", command: "<%= config.bin %> merge part-0 part-1 part-2 -o store" },
  ];
  static override strict = false;
  static override args = {
    store: Args.string({ description: "folder of the store, or of every part", required: true }),
  };
  static override flags = {
    out: Flags.string({ char: "o", description: "folder for the joined store", helpValue: "<dir>" }),
    verify: Flags.boolean({ default: true, allowNo: true, description: "read every shard and compare its SHA-256" }),
  };

  async run(): Promise<MergeResult> {
    const { argv, flags } = await this.parse(Merge);
    const folders = argv as string[];
    for (const folder of folders) {
      if (!(await isLatentStore(folder))) {
        throw new RevqError("not-a-store", `${folder} is no latent store: it has no plan.json.`, {
          fix: "Name folders that `revq extract` wrote.",
        });
      }
    }
    if (folders.length > 1 && flags.out === undefined) {
      throw new RevqError("merge-without-out", "Several folders were named, but not where the joined store goes.", {
        fix: `revq merge ${folders.slice(0, 2).join(" ")} … -o STORE`,
        exitCode: 2,
      });
    }
    const target = flags.out ?? folders[0]!;
    if (flags.out !== undefined) {
      await mergeStores(folders, target, (done, total) => this.display.update({ phase: "copy shards", done, total }));
    }
    const manifest = await joinStore(target, { verify: flags.verify });
    this.display.finish();
    const { latents, shards, skipped } = manifest;
    this.log(`${target}: ${latents} latents in ${shards} shards${skipped ? `, ${skipped} images skipped` : ""}`);
    return { store: resolve(target), latents, shards, skipped, verified: flags.verify };
  }
}
