import { fileURLToPath } from "node:url";
import { testBackbone } from "@revq/testkit";
import { onnx } from "@revq/backbone-onnx";
import { openWeights } from "@revq/formats/node";

const folder = (name: string) => () => openWeights(fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)));

testBackbone(onnx, [
  { name: "encoder.onnx and decoder.onnx", imageSize: 16, weights: folder("plain") },
  { name: "as optimum exports them", imageSize: 16, weights: folder("optimum") },
  // One image at a time, whatever the batch: the same bits.
  { name: "float16, batch of one", imageSize: 16, weights: folder("half"), tolerance: 0 },
]);
