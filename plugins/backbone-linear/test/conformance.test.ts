import { testBackbone } from "@revq/testkit";
import { linear } from "../src/index.js";

testBackbone(linear, [
  { options: { patch: 8, channels: 8 }, imageSize: 32 },
  { options: { patch: 4, channels: 48 }, imageSize: 16 },
]);
