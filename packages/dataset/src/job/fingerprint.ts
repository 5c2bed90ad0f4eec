/** What makes the ids of a tokenizer, as one hash: two tokenizers of one hash give the same ids. */
import { fingerprint, toNamedArrays, withPrefix } from "@revq/core";
import { sha256 } from "@revq/formats/node";
import { metricArrays, type Tokenizer } from "@revq/tokenizer";

/** SHA-256 over the backbone's fingerprint, the options, and the parameters from the latent to the id. */
export async function tokenizerFingerprint({ parts }: Pick<Tokenizer, "parts">): Promise<string> {
  const { config, space, quantizer } = parts;
  const statistics = space.standardizer.state();
  const arrays = {
    ...withPrefix("standardizer", await toNamedArrays(statistics)),
    ...withPrefix("metric", metricArrays(space.metric)),
    ...withPrefix("transform", await toNamedArrays(space.transform.state())),
    ...withPrefix("quantizer", await toNamedArrays(quantizer.state())),
  };
  for (const tensor of Object.values(statistics)) tensor.dispose();
  const { backbone, imageSize, metric, transform } = config;
  return sha256(
    JSON.stringify([
      backbone?.fingerprint ?? null,
      imageSize,
      metric,
      [transform.id, transform.options],
      [config.quantizer.id, config.quantizer.options],
      await fingerprint(arrays),
    ]),
  );
}
