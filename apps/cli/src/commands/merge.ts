import { Args, Flags } from "@oclif/core";
import type { AblateResult, TokenizerMetrics } from "@revq/train";
import { resolve } from "node:path";
import { BaseCommand } from "../base-command.js";
import { UsageError } from "../errors/usage-error.js";
import type { JoinableKind } from "../parts/joinable-kind.js";
import { counted } from "../output/counted.js";

interface MergedStore {
  readonly store: string;
  readonly latents: number;
  readonly shards: number;
  readonly skipped: number;
  readonly verified: boolean;
}

interface MergedDataset {
  readonly dataset: string;
  readonly samples: number;
  readonly shards: number;
  readonly skipped: number;
  readonly verified: boolean;
}

interface MergedEvaluation {
  readonly folder: string;
  readonly evaluation: TokenizerMetrics;
}

export default class Merge extends BaseCommand {
  static override summary =
    "Join the parts of a latent store, a data set of tokens, an evaluation or an ablation that ran with --shard.";
  static override description =
    "Checks that all parts exist and belong together, then joins them to the manifest of a store, to the files of a data set, to evaluation.json, or to the report of an ablation. Of a store and a data set it also checks the SHA-256 of every file. Joining again changes nothing.";
  static override examples = [
    { description: "If all machines wrote into one folder:", command: "<%= config.bin %> merge store" },
    {
      description: "If each machine wrote into a folder of its own:",
      command: "<%= config.bin %> merge part-0 part-1 part-2 -o store",
    },
  ];
  static override strict = false;
  static override args = {
    folder: Args.string({
      description: "the folder that all parts share, or the folder of every part",
      required: true,
    }),
  };
  static override flags = {
    out: Flags.string({ char: "o", description: "folder of the result", helpValue: "<dir>" }),
    verify: Flags.boolean({
      default: true,
      allowNo: true,
      description: "for a store or a data set: read every file and compare its SHA-256",
    }),
  };

  async run(): Promise<MergedStore | MergedDataset | MergedEvaluation | AblateResult> {
    const { argv, flags } = await this.parse(Merge);
    const folders = argv as string[];
    const { kindOf } = await import("../parts/joinable-kind.js");
    const kinds = await Promise.all(folders.map(kindOf));
    const [kind] = kinds as [JoinableKind];
    const other = kinds.findIndex((each) => each !== kind);
    if (other > 0) {
      const message = `${folders[0]} holds parts of ${withArticle(kind)}, ${folders[other]} of ${withArticle(kinds[other]!)}.`;
      throw new UsageError("merge-kinds", message, { fix: "Name parts of one job." });
    }
    if (folders.length > 1 && flags.out === undefined) {
      throw new UsageError("merge-without-out", "Several folders were named, but no folder for the result.", {
        fix: `revq merge ${folders.slice(0, 2).join(" ")} … -o FOLDER`,
      });
    }
    const out = flags.out ?? folders[0]!;
    if (kind === "evaluation") {
      const { joinEvaluation } = await import("@revq/train");
      const { joinedText } = await import("../evaluation/evaluate.js");
      const { makeFolder } = await import("../output/output-paths.js");
      await makeFolder(out);
      const joined = await joinEvaluation(folders, out);
      this.log(joinedText(joined));
      return { folder: resolve(out), evaluation: joined.metrics };
    }
    if (kind === "ablation") {
      const { joinAblation } = await import("@revq/train");
      const { ablationText } = await import("../ablate/table.js");
      const joined = await joinAblation(folders, out);
      this.log(ablationText(joined));
      return joined.result;
    }
    const onShard = (done: number, total: number): void => this.display.update({ phase: "copy shards", done, total });
    if (kind === "dataset") {
      const { joinDataset, mergeDatasets } = await import("@revq/dataset");
      if (flags.out !== undefined) await mergeDatasets(folders, out, onShard);
      const { samples, shards, skipped } = await joinDataset(out, { verify: flags.verify });
      this.display.finish();
      this.log(
        `${out}: ${counted(samples, "sample")} of ${counted(shards, "shard")}${skipped ? `, ${counted(skipped, "image")} skipped` : ""}`,
      );
      return { dataset: resolve(out), samples, shards, skipped, verified: flags.verify };
    }
    const { joinStore, mergeStores } = await import("@revq/data");
    if (flags.out !== undefined) await mergeStores(folders, out, onShard);
    const { latents, shards, skipped } = await joinStore(out, { verify: flags.verify });
    this.display.finish();
    this.log(
      `${out}: ${counted(latents, "latent")} in ${counted(shards, "shard")}${skipped ? `, ${counted(skipped, "image")} skipped` : ""}`,
    );
    return { store: resolve(out), latents, shards, skipped, verified: flags.verify };
  }
}

function withArticle(kind: JoinableKind): string {
  return { store: "a store", dataset: "a data set", evaluation: "an evaluation", ablation: "an ablation" }[kind];
}
