/** Many tokenizers side by side: one table, the same crops, curves, and the settings of each. */
import { bitCurves, timeCharts } from "./comparison-charts.js";
import type { ComparedRanking, ComparedTrial, Comparison, RateDistortionBound } from "./comparison-data.js";
import { rankingMark, resultTable } from "./comparison-table.js";
import { decimals } from "./format.js";
import { html, type Content, type Html } from "./html.js";
import { columns, details, page, section } from "./page.js";

/** One HTML page that needs no network. */
export function comparisonPage(comparison: Comparison): string {
  const { title, summary, warning, ranking, trials, failed = [], bounds = [], config } = comparison;
  return page({
    title,
    ...(summary ? { summary } : {}),
    sections: [
      section(
        "Results",
        warning === undefined ? null : html`<p class="warning">${warning}</p>`,
        resultTable(trials, ranking),
        ranking ? html`<p class="note">${rankingText(ranking)}</p>` : null,
      ),
      trials.some(({ crops }) => crops) ? section("Images", sameCrops(trials, ranking)) : null,
      trials.length > 0 ? curveSection(trials, bounds, ranking) : null,
      failed.length > 0
        ? section(
            "Failed trials",
            failed.map(({ name, error, config: made }) => [
              html`<p><b>${name}</b>: ${error}</p>`,
              made === undefined ? null : details("config", made),
            ]),
          )
        : null,
      section(
        "Configuration",
        config === undefined ? null : details("settings of all trials", config),
        trials.map(({ name, config: made }) => (made === undefined ? null : details(name, made))),
      ),
    ],
  });
}

/** At equal bits a chart against bits says nothing: the front is over the time of training. */
function curveSection(
  trials: readonly ComparedTrial[],
  bounds: readonly RateDistortionBound[],
  ranking: ComparedRanking | undefined,
): Html {
  if (ranking?.cost !== "seconds") return section("Rate and distortion", columns(...bitCurves(trials, bounds)));
  return section("Quality and time", columns(...timeCharts(trials, ranking)));
}

function rankingText({ quality, cost }: ComparedRanking): string {
  const name = { lpips: "LPIPS", psnr: "PSNR", rectifiedMse: "latent mse after the rectifier" }[quality];
  const against = { bitsPerImage: "bits", seconds: "time of training" }[cost];
  return `Best: by ${name}. Front: no other trial is better in both ${name} and ${against}.`;
}

/** The same crops of every trial below the originals, in the order of the table. */
function sameCrops(trials: readonly ComparedTrial[], ranking: ComparedRanking | undefined): Html {
  const shown = trials.flatMap((trial) => (trial.crops ? [{ ...trial, crops: trial.crops }] : []));
  const vaes = [...new Map(shown.map((trial) => [trial.crops.vae, trial])).values()];
  const [first] = shown;
  const row = (caption: Content, uri: string, alt: string): Html =>
    html`<figure class="crops">
      <figcaption>${caption}</figcaption>
      <div class="scroll"><img src="${uri}" alt="${alt}" loading="lazy" /></div>
    </figure>`;
  return html`<p class="note">The same crops of held-out images in every row.</p>
    ${row("original", first!.crops.original, "crops of held-out images")}
    ${vaes.length === 1 ? row("VAE alone", first!.crops.vae, "the same crops, VAE alone") : null}
    ${shown.map(({ name, bits, lpips, psnr, crops }) => {
      const scores = [
        `${decimals(bits, 0)} bits`,
        ...(typeof lpips === "number" ? [`LPIPS ${decimals(lpips, 3)}`] : []),
        ...(typeof psnr === "number" ? [`${decimals(psnr, 2)} dB`] : []),
      ];
      return row(
        html`${name} ${rankingMark(name, ranking)} <small>${scores.join(", ")}</small>`,
        crops.rectified,
        `the same crops, ${name}`,
      );
    })}`;
}
