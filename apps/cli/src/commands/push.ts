import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../base-command.js";
import { tokenizerArgument } from "../tokenizer/flags.js";

interface PushReport {
  /** The page of the repository. */
  readonly url: string;
  readonly branch: string;
  /** Null for a dry run. */
  readonly commit: string | null;
  /** The repository is new. Null for a dry run. */
  readonly created: boolean | null;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

export default class Push extends BaseCommand {
  static override summary = "Publish a tokenizer on the Hugging Face hub.";
  static override description = `Puts the files of a tokenizer, or of an export, into a repository as one commit: its README.md is the model card. A repository that does not exist is created. Files that the repository has under other names stay. Others then open the tokenizer by hf:owner/name.

The token is HF_TOKEN, or the one of "hf auth login". HF_ENDPOINT names another hub.`;
  static override examples = [
    {
      description: "Say what would be published:",
      command: "<%= config.bin %> push my-tokenizer hf:owner/my-tokenizer --dry-run",
    },
    "<%= config.bin %> push my-tokenizer hf:owner/my-tokenizer",
    {
      description: "Then, anywhere:",
      command: "<%= config.bin %> encode hf:owner/my-tokenizer photo.jpg -o ids.npy",
    },
    {
      description: "An export, in a private repository:",
      command: "<%= config.bin %> push my-tokenizer-pytorch hf:owner/name --private",
    },
  ];
  static override args = {
    tokenizer: tokenizerArgument,
    repository: Args.string({ description: "hf:owner/name, or hf:owner/name@branch", required: true }),
  };
  static override flags = {
    private: Flags.boolean({ default: false, description: "create a private repository, if it does not exist" }),
    message: Flags.string({ char: "m", description: "title of the commit", default: "Upload a revq tokenizer" }),
    "dry-run": Flags.boolean({ default: false, description: "say what would be done, and make no request" }),
  };

  async run(): Promise<PushReport> {
    const { args, flags } = await this.parse(Push);
    const { uploadTarget, uploadToHub } = await import("@revq/formats/node");
    const { hubFiles } = await import("../push/hub-files.js");
    const { weightsNote } = await import("../push/weights-note.js");
    const { readFile } = await import("node:fs/promises");
    const { join } = await import("node:path");
    const target = await uploadTarget(args.repository);
    const files = await hubFiles(args.tokenizer);
    const note = weightsNote(await readFile(join(args.tokenizer, "config.json"), "utf8"));
    if (note !== null) this.note(note);
    const listed = files.map(({ path, size }) => ({ path, size }));
    const { url, branch } = target;
    if (flags["dry-run"]) {
      this.log(`Would publish in ${url} (branch ${branch}), ${flags.private ? "private" : "public"} if it is new:`);
      for (const { path, size } of listed) this.log(`  ${path}, ${sizeText(size)}`);
      if (!target.hasToken) this.note("There is no token: set HF_TOKEN, or run `hf auth login`.");
      return { url, branch, commit: null, created: null, files: listed };
    }
    const { commit, created } = await uploadToHub(args.repository, files, {
      title: flags.message,
      isPrivate: flags.private,
      report: this.display.update.bind(this.display),
      signal: this.signal,
    });
    this.display.finish();
    this.log(`${files.length} files in ${url}${created ? " (new)" : ""}, commit ${commit.slice(0, 12)}`);
    return { url, branch, commit, created, files: listed };
  }
}

function sizeText(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
