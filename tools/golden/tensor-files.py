"""Golden tensor files for packages/formats: what numpy.save and the safetensors library write. Needs numpy, ml_dtypes, safetensors 0.5+.

    python tools/golden/tensor-files.py packages/formats/test/fixtures
    python tools/golden/tensor-files.py --verify FILE.safetensors    opens a file of ours with the library, prints its values
"""

import json
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"]


def values(dtype: str, shape: tuple) -> np.ndarray:
    """0, 1, 2 … minus 3 where the type has a sign, halved for floats; every other one for bool."""
    count = np.arange(int(np.prod(shape)))
    if dtype == "bool":
        flat = count % 2 == 1
    elif dtype.startswith("uint"):
        flat = count
    elif dtype.startswith("int"):
        flat = count - 3
    else:
        flat = (count - 3) / 2
    return flat.astype(dtype).reshape(shape)


def npy(folder: Path) -> None:
    for dtype in DTYPES:
        np.save(folder / f"{dtype}.npy", values(dtype, (2, 3)))
    for dtype in ("float32", "float16", "float64", "int32", "uint16"):
        np.save(folder / f"{dtype}-big-endian.npy", values(dtype, (2, 3)).astype(np.dtype(dtype).newbyteorder(">")))
    np.save(folder / "fortran.npy", np.asfortranarray(values("float32", (2, 3, 4))))
    np.save(folder / "scalar.npy", values("float32", ()))
    np.save(folder / "vector.npy", values("float32", (7,)))
    np.save(folder / "empty.npy", values("float32", (0, 5)))
    np.save(folder / "object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(folder / "records.npy", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))
    np.save(folder / "complex.npy", np.array([1j]))
    np.save(folder / "text.npy", np.array(["abc"]))
    for version in ((2, 0), (3, 0)):
        with open(folder / f"version-{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, values("float32", (2, 3)), version=version)


def safetensors(folder: Path) -> None:
    tensors = {f"z.{dtype}": values(dtype, (2, 3)) for dtype in DTYPES}
    tensors["a.bfloat16"] = values("float32", (2, 3)).astype(ml_dtypes.bfloat16)
    tensors["scalar"] = values("float32", ())
    tensors["empty"] = values("float32", (0, 5))
    tensors['quote " back \\ slash \n é 漢 𝄞'] = values("float32", (2,))
    tensors["\ue000 after 𝄞 in UTF-16 order only"] = values("float32", (1,))
    (folder / "all-dtypes.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))
    (folder / "no-tensors.safetensors").write_bytes(save({}))


def halfs(folder: Path) -> None:
    """float32 bit patterns with their float16 and bfloat16: exponents of all sizes, ties, neighbours of ties."""
    fractions = [0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x2FFF, 0x3000, 0x3001, 0x7FFF, 0x8000, 0x8001, 0x17FFF, 0x18000, 0x18001, 0x400000, 0x7FE000, 0x7FF000, 0x7FFFFF]
    exponents = [0, 1, 2, 64, 100, 101, 102, 103, 104, 108, 111, 112, 113, 114, 126, 127, 128, 140, 141, 142, 143, 144, 200, 253, 254]
    bits = np.array([e << 23 | f for e in exponents for f in fractions] + [0x7F800000], dtype=np.uint32)
    bits = np.concatenate([bits, bits | np.uint32(0x80000000)])
    floats = bits.view(np.float32)
    with np.errstate(over="ignore"):
        half = floats.astype(np.float16).view(np.uint16)
        brain = floats.astype(ml_dtypes.bfloat16).view(np.uint16)
    data = {"float32": bits.tolist(), "float16": half.tolist(), "bfloat16": brain.tolist()}
    (folder / "half-floats.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")


def verify(path: str) -> None:
    with safe_open(path, framework="numpy") as file:
        print("metadata", json.dumps(file.metadata()))
        for name in file.keys():
            tensor = file.get_tensor(name)
            print(name, tensor.dtype, tensor.shape, tensor.astype(np.float64).ravel()[:6].tolist())


if sys.argv[1] == "--verify":
    verify(sys.argv[2])
else:
    root = Path(sys.argv[1])
    for name, make in (("npy", npy), ("safetensors", safetensors), ("half-floats", halfs)):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        make(folder)
