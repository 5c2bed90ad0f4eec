import { testBackbone } from "@revq/testkit";
import { linear } from "@revq/backbone-linear";

testBackbone(linear, [
  { name: "defaults", imageSize: 32 },
  { options: { patch: 4, channels: 3 }, imageSize: 16 },
  { options: { patch: 3, channels: 27 }, imageSize: 12 },
]);
