"""Packs the weights of @revq/weights-lpips: SqueezeNet's features without its classifier, and the heads of LPIPS v0.1. Standard library only.

    python tools/lpips-weights/make.py SHARED/weights packages/weights-lpips/weights
"""

import json
import pathlib
import struct
import sys


def read(path):
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def write(path, header, data, keep):
    kept, parts, offset = {}, [], 0
    for name in sorted(name for name in header if keep(name)):
        begin, end = header[name]["data_offsets"]
        kept[name] = {**header[name], "data_offsets": [offset, offset + end - begin]}
        parts.append(data[begin:end])
        offset += end - begin
    text = json.dumps(kept, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
    print(path.name, path.stat().st_size)


source, target = map(pathlib.Path, sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
for name, keep in (
    ("squeezenet1_1.safetensors", lambda key: key.startswith("features.")),
    ("lpips_v0.1_squeeze_lin.safetensors", lambda key: key.startswith("lin")),
):
    write(target / name, *read(source / name), keep)
