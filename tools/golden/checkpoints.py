"""Golden PyTorch checkpoints for packages/formats, and pickles that must be refused. Needs torch 1.13 or later.

    python tools/golden/checkpoints.py packages/formats/test/fixtures/pth
"""

import argparse
import collections
import io
import os
import pickle
import sys
import zipfile
from pathlib import Path

import torch

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) - 3
model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
with torch.no_grad():
    for i, tensor in enumerate(model.state_dict().values()):
        tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape) + i)

content = {
    "model": model.state_dict(),
    "dtypes": {
        str(dtype).removeprefix("torch."): (torch.arange(6) % 2 if dtype == torch.bool else torch.arange(6)).to(dtype).reshape(2, 3)
        for dtype in (
            torch.float64, torch.float32, torch.float16, torch.bfloat16,
            torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
        )
    },
    "views": {
        "base": base,
        "row": base[1],
        "column": base[:, 1],
        "transposed": base.permute(2, 0, 1),
        "stepped": base[:, ::2, 1::2],
        "scalar": base[1, 2, 3],
        "empty": base[:, :0],
    },
    "parameter": torch.nn.Parameter(torch.tensor([1.5, -2.5])),
    "list": [torch.ones(1), (torch.zeros(2), {"deep": torch.full((1,), 7.0)})],
    "plain": {
        "epoch": 3, "negative": -70000, "big": 2**40, "huge": -(2**80), "rate": 0.1, "name": "é 漢 𝄞", "flag": True,
        "none": None, "size": torch.Size([2, 3]), "dtype": torch.float16, 5: "number key", "long": 300 * "x",
    },
}
torch.save(content, folder / "checkpoint.pth")
torch.save(content, folder / "checkpoint-protocol-4.pth", pickle_protocol=4)
torch.save(torch.arange(3.0), folder / "bare-tensor.pth")
torch.save({"a": torch.ones(2)}, folder / "legacy.pth", _use_new_zipfile_serialization=False)
torch.jit.script(torch.nn.Linear(1, 1)).save(str(folder / "torchscript.pth"))


class Attack:
    """What a hostile file holds: a call that the unpickler is asked to make."""

    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


def archive(name: str, data: bytes) -> None:
    with zipfile.ZipFile(folder / name, "w") as file:
        info = zipfile.ZipInfo("archive/data.pkl", (1980, 1, 1, 0, 0, 0))
        file.writestr(info, data)


# os.system pickles as posix.system; the second spells its name as strings on the stack.
archive("attack-system.pth", pickle.dumps({"weights": Attack(os.system, "touch /tmp/owned")}, protocol=2))
archive("attack-system-stack-global.pth", pickle.dumps(Attack(os.system, "touch /tmp/owned"), protocol=4))
archive("attack-eval.pth", pickle.dumps([Attack(eval, "1 + 1")], protocol=2))
archive("attack-os-name.pth", b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")
archive("namespace.pth", pickle.dumps({"args": argparse.Namespace(lr=0.1)}, protocol=2))
archive("counter.pth", pickle.dumps(collections.Counter("aab"), protocol=2))
# A call to a storage type: allowed as a name, not as a function.
archive("attack-call-storage.pth", b"\x80\x02ctorch\nFloatStorage\nK\x05\x85R.")
# Each list holds the one before twice: 60 doublings in a few hundred bytes.
bomb = io.BytesIO()
bomb.write(b"\x80\x02]q\x00")
for i in range(60):
    bomb.write(b"0]q" + bytes([i + 1]) + b"(h" + bytes([i]) + b"h" + bytes([i]) + b"e")
bomb.write(b".")
archive("bomb.pth", bomb.getvalue())
archive("endless.pth", b"\x80\x02]q\x00h\x00a.")

# An expanded view beside weights: 1000 elements over a storage of one.
state = collections.defaultdict(list, {"weight": torch.tensor([1.0, 2.0, 3.0])})
torch.save({"state": state, "mask": [torch.ones(2), torch.zeros(1).expand(1000)]}, folder / "expanded.pth")

# A storage without a type, as torch 2.3+ writes uint16 tensors (torch._utils._rebuild_tensor_v3), in an archive of ZIP64 records.
untyped = (
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v3\n((X\x07\x00\x00\x00storagectorch.storage\nUntypedStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x01K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)Rctorch\nuint16\n}tR."
)
zipfile.ZIP64_LIMIT = 4
with zipfile.ZipFile(folder / "zip64-untyped.pth", "w") as file:
    file.writestr(zipfile.ZipInfo("archive/data.pkl", (1980, 1, 1, 0, 0, 0)), untyped)
    file.writestr(zipfile.ZipInfo("archive/data/0", (1980, 1, 1, 0, 0, 0)), b"\x01\x00\x02\x00\xff\xff")
