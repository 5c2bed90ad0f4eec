"""A checkpoint as PyTorch Lightning writes it, with objects of other packages beside the weights: packages/formats/test/fixtures/pth.

Run: python tools/golden/lightning-checkpoint.py   (standard library only: classes of torch and Lightning are stand-ins by name)

lightning.ckpt              protocol 2, torch.save's default
lightning-protocol-4.ckpt   the same values
"""

import argparse
import collections
import enum
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile

OUT = pathlib.Path(__file__).resolve().parents[2] / "packages/formats/test/fixtures/pth"


def stand_in(path, value):
    """Makes `value` importable as `path`, so that pickle names it so."""
    module, name = path.rsplit(".", 1)
    for end in range(1, module.count(".") + 2):
        parent = ".".join(module.split(".")[:end])
        sys.modules.setdefault(parent, types.ModuleType(parent))
    setattr(sys.modules[module], name, value)
    value.__module__, value.__qualname__ = module, name
    return value


class FloatStorage:
    pass


def _rebuild_tensor_v2(*args):
    return args


class AttributeDict(dict):
    pass


class ModelCheckpoint:
    def __init__(self):
        self.best_model_path = pathlib.PurePosixPath("epoch=1.ckpt")
        self.kth = [Tensor([9.0])]


class Monitor(enum.Enum):
    LOSS = "loss"


class Buffer(list):
    pass


FloatStorage = stand_in("torch.FloatStorage", FloatStorage)
_rebuild_tensor_v2 = stand_in("torch._utils._rebuild_tensor_v2", _rebuild_tensor_v2)
AttributeDict = stand_in("pytorch_lightning.utilities.parsing.AttributeDict", AttributeDict)
ModelCheckpoint = stand_in("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint", ModelCheckpoint)
Monitor = stand_in("my_project.Monitor", Monitor)
Buffer = stand_in("my_project.Buffer", Buffer)


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    storages = []

    def __init__(self, values):
        self.storage = Storage(str(len(Tensor.storages)), values)
        Tensor.storages.append(self.storage)

    def __reduce__(self):
        size = len(self.storage.values)
        return _rebuild_tensor_v2, (self.storage, 0, (size,), (1,), False, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", FloatStorage, value.key, "cpu", len(value.values))
        return None


def main():
    hyper = AttributeDict(lr=0.1, args=argparse.Namespace(seed=1), folder=pathlib.PurePosixPath("out"))
    hyper.note = "an attribute"
    value = {
        "epoch": 1,
        "pytorch-lightning_version": "2.4.0",
        "hyper_parameters": hyper,
        "callbacks": {"ModelCheckpoint": ModelCheckpoint(), Monitor.LOSS: Monitor.LOSS},
        "seen": {1},
        "frozen": frozenset([2]),
        "raw": bytearray(b"ab"),
        "counts": collections.defaultdict(int, a=1),
        "replay": Buffer([1, 2]),
        "state_dict": collections.OrderedDict(
            [("decoder.weight", Tensor([1.0, -2.0])), ("decoder.bias", Tensor([0.5]))]
        ),
    }
    for name, protocol in (("lightning", 2), ("lightning-protocol-4", 4)):
        buffer = io.BytesIO()
        Pickler(buffer, protocol).dump(value)
        with zipfile.ZipFile(OUT / f"{name}.ckpt", "w", zipfile.ZIP_STORED) as archive:
            write = lambda entry, content: archive.writestr(zipfile.ZipInfo(f"{name}/{entry}"), content)
            write("data.pkl", buffer.getvalue())
            write("byteorder", b"little")
            for storage in Tensor.storages:
                write(f"data/{storage.key}", struct.pack(f"<{len(storage.values)}f", *storage.values))


if __name__ == "__main__":
    main()
