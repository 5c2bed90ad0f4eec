"""Writes the Parquet fixtures of packages/data/test: images of one colour, as pyarrow (and the `datasets` library) store them.

Needs: pip install pyarrow pillow. Usage: python tools/golden/parquet-images.py packages/data/test/fixtures
"""
import io
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png(value: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (value, value, value)).save(out, "png")
    return out.getvalue()


folder = sys.argv[1]
images = [png(20 * i) for i in range(5)]
records = [{"bytes": data, "path": f"{i}.png"} for i, data in enumerate(images)] + [{"bytes": None, "path": "gone.png"}]
labels = list(range(6))
pq.write_table(
    pa.table({"label": labels, "image": pa.array(records, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}),
    f"{folder}/records.parquet",
    row_group_size=2,
    compression="snappy",
)
pq.write_table(pa.table({"word": ["a"] * 5, "png": pa.array(images, pa.binary())}), f"{folder}/bytes.parquet", compression="none")
pq.write_table(pa.table({"word": ["a", "b"]}), f"{folder}/words.parquet")
