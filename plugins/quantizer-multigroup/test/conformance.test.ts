import { testQuantizer } from "@revq/testkit";
import { multigroup } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(multigroup, [
  { name: "everything open", latentShape },
  { options: { tokens: 16, codes: 8, split: "channel", groups: "token" }, latentShape },
  { options: { tokens: 8, codes: 5, split: "block", groups: "channel" }, latentShape },
  { options: { tokens: 32, codes: 8, split: "spatial", groups: 3 }, latentShape },
  { options: { tokens: 32, codes: 5, groups: 4 }, latentShape: { channels: 2, height: 16, width: 8 } },
  { options: { tokens: 16, codes: 8, groups: 1 }, latentShape: { channels: 3, height: 4, width: 16 } },
  { options: { tokens: 16, codes: 8, split: "channel", groups: 5, allocation: "greedy" }, latentShape },
  { options: { tokens: 16, codes: 8, groups: 4, allocation: "greedy" }, latentShape },
  {
    options: { tokens: 8, codes: 8, split: "spatial", groups: 4, allocation: "greedy", sizes: [3, 1, 12, 3] },
    latentShape,
  },
  { name: "one token, more codes than samples", options: { tokens: 1, codes: 16 }, latentShape, samples: 9 },
]);
