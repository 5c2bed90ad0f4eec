"""Compares what `revq export --to pytorch` wrote with revq's own ids and pictures.

    python tools/pytorch/check-export.py CASES.json

CASES.json: [{"name", "exported", "images", "ids", "pictures"}]: a folder of images, whose ids `revq encode` wrote to a .npy
with names beside it, and the pictures that revq decodes of them, .npy float32 [n, 3, S, S]. Prints a line for each case as
JSON. Needs what the exported code needs: torch, safetensors, Pillow.
"""

import importlib.util
import json
import re
import struct
import sys
from pathlib import Path

import torch
from PIL import Image


def read_npy(path):
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<H", data[8:10])
    header = data[10 : 10 + length].decode()
    shape = [int(size) for size in re.search(r"'shape': \(([^)]*)\)", header)[1].split(",") if size.strip()]
    dtype = {"<i4": torch.int32, "<f4": torch.float32}[re.search(r"'descr': '([^']*)'", header)[1]]
    return torch.frombuffer(bytearray(data[10 + length :]), dtype=dtype).reshape(shape)


def load(folder):
    spec = importlib.util.spec_from_file_location(f"tokenizer_{abs(hash(folder))}", Path(folder) / "tokenizer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RevqTokenizer.from_pretrained(folder)


def refuses(tokenizer, ids):
    try:
        tokenizer.decode(ids)
    except ValueError:
        return True
    return False


def check(case):
    tokenizer = load(case["exported"])
    ids = read_npy(case["ids"]).long()
    names = json.loads(Path(case["ids"] + ".names.json").read_text())
    pictures = read_npy(case["pictures"])
    pixels = torch.stack([tokenizer.preprocess(Image.open(Path(case["images"]) / name)) for name in names])
    found = tokenizer.encode(pixels)
    decoded = tokenizer.decode(ids)
    return {
        "name": case["name"],
        "ids": ids.numel(),
        "equal": (found == ids).sum().item(),
        "picture": (decoded - pictures).abs().max().item(),
        "refuses": all(refuses(tokenizer, wrong) for wrong in (ids[:, 1:], -1 - ids, ids + 2**20, ids.float(), ids[0])),
        "deep": (tokenizer.preprocess(Image.new("I;16", (40, 40), 40000)) == 156 / 127.5 - 1).all().item(),
        "narrow": torch.equal(tokenizer.decode(ids.to(torch.uint16)), decoded),
        "empty": [len(tokenizer.decode(ids[:0])), len(tokenizer.encode(pixels[:0]))],
        "batch": (tokenizer.encode(pixels[:1]) == found[:1]).all().item(),
    }


for case in json.loads(Path(sys.argv[1]).read_text()):
    print(json.dumps(check(case)), flush=True)
