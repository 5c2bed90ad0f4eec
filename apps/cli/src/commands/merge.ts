import { Args, Flags } from "@oclif/core";
import { isLatentStore, joinStore, mergeStores } from "@revq/data";
import { RevqError } from "@revq/core";
import { holdsScoreParts, type Evaluation } from "@revq/train";
import { resolve } from "node:path";
import { isAblation, joinAblation, type AblateResult } from "../ablate/join.js";
import { BaseCommand } from "../base-command.js";
import { joinedText, joinParts } from "../evaluation/eval-part.js";

interface MergedStore {
  readonly store: string;
  readonly latents: number;
  readonly shards: number;
  readonly skipped: number;
  readonly verified: boolean;
}

interface MergedEvaluation {
  readonly folder: string;
  readonly evaluation: Evaluation;
}

type Kind = "store" | "evaluation" | "ablation";

export default class Merge extends BaseCommand {
  static override summary =
    "Join the parts of a latent store, an evaluation or an ablation that ran with --shard.";
  static override description =
    "Checks that all parts exist and belong together, then joins them to the manifest of a store, to evaluation.json, or to the report of an ablation. Of a store it also checks the SHA-256 of every shard. Joining again changes nothing.";
  static override examples = [
    { description: "If all machines wrote into one folder:", command: "<%= config.bin %> merge store" },
    { description: "If each machine wrote into a folder of its own:", command: "<%= config.bin %> merge part-0 part-1 part-2 -o store" },
  ];
  static override strict = false;
  static override args = {
    folder: Args.string({ description: "the folder that all parts share, or the folder of every part", required: true }),
  };
  static override flags = {
    out: Flags.string({ char: "o", description: "folder of the result", helpValue: "<dir>" }),
    verify: Flags.boolean({
      default: true,
      allowNo: true,
      description: "for a store: read every shard and compare its SHA-256",
    }),
  };

  async run(): Promise<MergedStore | MergedEvaluation | AblateResult> {
    const { argv, flags } = await this.parse(Merge);
    const folders = argv as string[];
    const kinds = await Promise.all(folders.map(kindOf));
    const [kind] = kinds as [Kind];
    const other = kinds.findIndex((each) => each !== kind);
    if (other > 0) {
      throw new RevqError("merge-kinds", `${folders[0]} is of an ${kind}, ${folders[other]} of an ${kinds[other]}.`, {
        fix: "Name parts of one thing.",
        exitCode: 2,
      });
    }
    if (folders.length > 1 && flags.out === undefined) {
      throw new RevqError("merge-without-out", "Several folders were named, but not where what is joined goes.", {
        fix: `revq merge ${folders.slice(0, 2).join(" ")} … -o FOLDER`,
        exitCode: 2,
      });
    }
    const out = flags.out ?? folders[0]!;
    if (kind === "evaluation") {
      const joined = await joinParts(folders, out);
      this.log(joinedText(joined));
      return { folder: resolve(out), evaluation: joined.evaluation };
    }
    if (kind === "ablation") {
      const { text, result } = await joinAblation(folders, out);
      this.log(text);
      return result;
    }
    if (flags.out !== undefined) {
      await mergeStores(folders, out, (done, total) => this.display.update({ phase: "copy shards", done, total }));
    }
    const manifest = await joinStore(out, { verify: flags.verify });
    this.display.finish();
    const { latents, shards, skipped } = manifest;
    this.log(`${out}: ${latents} latents in ${shards} shards${skipped ? `, ${skipped} images skipped` : ""}`);
    return { store: resolve(out), latents, shards, skipped, verified: flags.verify };
  }
}

async function kindOf(folder: string): Promise<Kind> {
  if (await isLatentStore(folder)) return "store";
  if (await holdsScoreParts(folder)) return "evaluation";
  if (await isAblation(folder)) return "ablation";
  throw new RevqError(
    "merge-nothing",
    `${folder} holds nothing to join: no latent store (plan.json), no part of an evaluation, no ablation.`,
    { fix: "Name folders that `revq extract`, `revq eval --shard` or `revq ablate --shard` wrote." },
  );
}
