import { testTransform } from "@revq/testkit";
import { dct, dctKlt, none, pca, standardize } from "../src/index.js";

const latentShape = { channels: 3, height: 8, width: 12 };
for (const plugin of [none, standardize, dct, pca, dctKlt])
  testTransform(plugin, [
    { name: "several blocks", latentShape, tokens: 24 },
    { name: "one block", latentShape: { channels: 4, height: 4, width: 4 }, tokens: 1 },
  ]);
