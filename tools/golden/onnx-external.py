"""The models of fixtures/plain as other exporters write them: plugins/backbone-onnx/test/fixtures/external and fixtures/traced.

Run: python tools/golden/onnx-external.py   (needs onnx)

external/  weights in a second file, as PyTorch's exporter writes them by default (encoder.onnx.data)
traced/    any batch size is declared, but the batch size 1 is written into a reshape
Latents and images are those of plain/io.json.
"""

import pathlib

import numpy as np
import onnx
from onnx import helper, numpy_helper

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "plugins/backbone-onnx/test/fixtures"


def main():
    (FIXTURES / "external").mkdir(exist_ok=True)
    (FIXTURES / "traced").mkdir(exist_ok=True)
    for half in ("encoder", "decoder"):
        path = FIXTURES / "external" / f"{half}.onnx"
        pathlib.Path(f"{path}.data").unlink(missing_ok=True)
        onnx.save(
            onnx.load(FIXTURES / "plain" / f"{half}.onnx"),
            path,
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=f"{half}.onnx.data",
            size_threshold=0,
            convert_attribute=True,
        )
        model = onnx.load(FIXTURES / "plain" / f"{half}.onnx")
        graph = model.graph
        name = graph.input[0].name
        channels = graph.input[0].type.tensor_type.shape.dim[1].dim_value
        size = 16 if half == "encoder" else 4
        for node in graph.node:
            node.input[:] = ["traced" if one == name else one for one in node.input]
        graph.initializer.append(numpy_helper.from_array(np.array([1, channels, size, size], np.int64), "traced_shape"))
        graph.node.insert(0, helper.make_node("Reshape", [name, "traced_shape"], ["traced"]))
        onnx.save(model, FIXTURES / "traced" / f"{half}.onnx")


if __name__ == "__main__":
    main()
