import { testRectifier } from "@revq/testkit";
import { identity } from "../src/index.js";

testRectifier(identity, [{ latentShape: { channels: 4, height: 3, width: 5 } }]);
