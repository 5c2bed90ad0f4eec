"""Golden numbers for packages/data/test: Pillow's Lanczos resizing, centre crops and JPEG decoding of procedural images.

Run: python tools/golden/resize.py   (needs Pillow; writes packages/data/test/fixtures/pillow-lanczos.json)
"""

import base64
import io
import json
import pathlib

import PIL
from PIL import Image

# width, height of the image and of the resized one
RESIZES = [(37, 53, 24, 34), (20, 31, 48, 74), (300, 200, 48, 32), (64, 40, 64, 20), (40, 64, 23, 64), (5, 3, 16, 9), (257, 255, 33, 32)]
CROPS = [(61, 40, 24), (40, 61, 24), (33, 20, 32), (32, 32, 32), (45, 32, 32), (127, 50, 16)]


def procedural(width, height):
    """The same formula stands in the test: ramps, edges and high frequencies."""
    data = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(3):
                fine = (x * x * 3 + y * y * 5 + x * y * 7 * (c + 1) + 31 * c) % 256
                coarse = 255 if ((x >> 3) + (y >> 3) + c) % 2 else (x * 4 + y * 2) % 256
                data.append(fine if (x + 2 * y) % 64 < 24 else coarse)
    return Image.frombytes("RGB", (width, height), bytes(data))


def centre_crop(image, size):
    """torchvision.transforms: Resize(size, LANCZOS), then CenterCrop(size)."""
    width, height = image.size
    short = min(width, height)
    new = (size if width == short else int(size * width / short), size if height == short else int(size * height / short))
    image = image.resize(new, Image.LANCZOS)
    left, top = int(round((new[0] - size) / 2.0)), int(round((new[1] - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def encoded(data):
    return base64.b64encode(data).decode()


def jpeg(image, **options):
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    decoded = Image.open(io.BytesIO(stream.getvalue()))
    return {"file": encoded(stream.getvalue()), "width": image.width, "height": image.height, "pixels": encoded(decoded.tobytes())}


golden = {
    "pillow": PIL.__version__,
    "resize": [{"from": [w, h], "to": [a, b], "pixels": encoded(procedural(w, h).resize((a, b), Image.LANCZOS).tobytes())} for w, h, a, b in RESIZES],
    "crop": [{"from": [w, h], "size": s, "pixels": encoded(centre_crop(procedural(w, h), s).tobytes())} for w, h, s in CROPS],
    "jpeg": [jpeg(procedural(40, 24), quality=90, subsampling=0), jpeg(procedural(33, 47), quality=75, subsampling=2), jpeg(procedural(33, 47), quality=75, progressive=True)],
}
path = pathlib.Path(__file__).parents[2] / "packages/data/test/fixtures/pillow-lanczos.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path, path.stat().st_size)
