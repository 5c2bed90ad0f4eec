import { testQuantizer } from "@revq/testkit";
import { multigroup } from "../src/index.js";

/** Transforms are matrix products. */
const tolerance = 1e-6;
const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(multigroup, [
  { name: "everything planned", latentShape },
  { options: { tokens: 16, codes: 8, split: "channel", groups: "token" }, latentShape },
  { options: { tokens: 8, codes: 5, split: "block", groups: "channel" }, latentShape },
  { options: { tokens: 32, codes: 8, split: "spatial", groups: 3 }, latentShape },
  { name: "transform, everything else planned", options: { transform: "dct-klt" }, latentShape, tolerance },
  { name: "everything planned", options: { transform: "auto" }, latentShape, tolerance },
  {
    options: { tokens: 32, codes: 5, transform: "dct-klt", groups: 4 },
    latentShape: { channels: 2, height: 16, width: 8 },
    tolerance,
  },
  { options: { tokens: 8, codes: 8, transform: "dct", split: "balanced", groups: "token" }, latentShape, tolerance },
  {
    options: { tokens: 16, codes: 8, transform: "pca", groups: 1 },
    latentShape: { channels: 3, height: 4, width: 16 },
    tolerance,
  },
  {
    options: { tokens: 16, codes: 8, transform: "dct-klt", split: "channel", groups: "channel" },
    latentShape,
    tolerance,
  },
  { options: { tokens: 16, codes: 8, split: "channel", groups: 5, allocation: "greedy" }, latentShape },
  {
    options: { tokens: 16, codes: 8, transform: "dct-klt", split: "balanced", groups: 4, allocation: "greedy" },
    latentShape,
    tolerance,
  },
  {
    options: { tokens: 8, codes: 8, split: "spatial", groups: 4, allocation: "greedy", sizes: [3, 1, 12, 3] },
    latentShape,
  },
  { name: "one token, more codes than samples", options: { tokens: 1, codes: 16 }, latentShape, samples: 9 },
]);
