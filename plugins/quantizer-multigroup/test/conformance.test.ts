import { testQuantizer } from "@revq/testkit";
import { multigroup } from "../src/index.js";

const latentShape = { channels: 4, height: 4, width: 4 };
testQuantizer(multigroup, [
  { name: "everything planned", latentShape },
  { options: { tokens: 16, codes: 8, split: "channel", groups: "token" }, latentShape },
  { options: { tokens: 8, codes: 5, split: "block", groups: "channel" }, latentShape },
  { options: { tokens: 32, codes: 8, split: "spatial", groups: 3 }, latentShape },
  { name: "one token, more codes than samples", options: { tokens: 1, codes: 16 }, latentShape, samples: 9 },
]);
