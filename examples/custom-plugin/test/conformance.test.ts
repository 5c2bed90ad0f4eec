import { testQuantizer } from "@revq/testkit";
import { lattice } from "../src/index.js";

testQuantizer(lattice, [
  { name: "defaults", latentShape: { channels: 4, height: 4, width: 6 } },
  { options: { levels: 3 }, latentShape: { channels: 8, height: 2, width: 3 } },
  { options: { levels: 15 }, latentShape: { channels: 2, height: 4, width: 4 } },
]);
