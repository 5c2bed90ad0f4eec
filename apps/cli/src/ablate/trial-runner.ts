/** Runs the trials of an ablation as processes of `revq train` and `revq eval`. Their logs lie beside the tokenizers. */
import type { TokenizerMetrics, TrainResult, Trial, TrialRunner } from "@revq/train";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { noLpips } from "../weights/bundled-lpips.js";
import { runRevq, type RevqProcess } from "./run-revq.js";

/** @param root folder of the trials */
export function createTrialRunner(root: string, revq: Omit<RevqProcess, "log">): TrialRunner {
  return {
    async train(folder, { given }) {
      await mkdir(root, { recursive: true });
      const out = join(root, folder);
      const settings = join(root, `${folder}.yaml`);
      await writeFile(settings, stringify({ ...given, out }));
      const resume = existsSync(join(out, "run")) ? ["--resume"] : [];
      const log = join(root, `${folder}.log`);
      return runRevq<TrainResult>(["train", "--config", settings, ...resume], { ...revq, log });
    },

    async measure(folder, trial, result) {
      const log = join(root, `${folder}.eval.log`);
      const measured = await runRevq<TokenizerMetrics>(evalCommand(trial, result), { ...revq, log });
      const { psnr, ssim, msSsim, lpips, rfid, inceptionScore, squeezenetFrechet, vae, oldDecoder } = measured;
      return { ...result, psnr, ssim, msSsim, lpips, rfid, inceptionScore, squeezenetFrechet, vae, oldDecoder };
    },
  };
}

function evalCommand({ config }: Trial, { tokenizer }: TrainResult): string[] {
  const { lpips, lpipsNet, inception } = config.score;
  const { val, skipBroken, pixelLimit } = config.data;
  const command = ["eval", tokenizer, "--engine", config.engine, "--pixel-limit", String(pixelLimit)];
  for (const source of [val!].flat()) command.push("--data", source);
  if (skipBroken) command.push("--skip-broken");
  for (const plugin of config.plugins) command.push("--plugin", plugin);
  command.push(...(lpips === null ? ["--lpips", noLpips] : ["--lpips", lpips, "--lpips-net", lpipsNet]));
  if (inception !== null) command.push("--inception", inception);
  return command;
}
