"""Golden TensorBoard records for packages/train from TensorBoard's own protocol buffers and record writer, and a check of event files
that revq wrote. Needs tensorboard, numpy.

    python tools/golden/events.py > packages/train/test/fixtures/events.json
    python tools/golden/events.py --read my-tokenizer/run/tensorboard
"""

import argparse
import base64
import io
import json

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def record(**fields) -> str:
    buffer = io.BytesIO()
    RecordWriter(buffer).write(event_pb2.Event(wall_time=1700000000.25, **fields).SerializeToString(deterministic=True))
    return base64.b64encode(buffer.getvalue()).decode()


def golden() -> dict:
    value = summary_pb2.Summary.Value
    histogram = summary_pb2.HistogramProto(
        min=-1, max=3, num=6, sum=5, sum_squares=15, bucket_limit=[0, 1, 2, 3], bucket=[2, 2, 0, 2]
    )
    image = summary_pb2.Summary.Image(height=1, width=1, colorspace=3, encoded_image_string=PNG)
    summary = lambda *values: summary_pb2.Summary(value=values)
    return {
        "png": base64.b64encode(PNG).decode(),
        "version": record(file_version="brain.Event:2"),
        "scalars": record(step=300, summary=summary(value(tag="latent_mse/val", simple_value=0.125), value(tag="é", simple_value=-7))),
        "image": record(step=7, summary=summary(value(tag="samples", image=image))),
        "histogram": record(step=2**33, summary=summary(value(tag="codes", histo=histogram))),
    }


def read(folder: str) -> None:
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    for tag in tags["scalars"]:
        points = events.Scalars(tag)
        print(f"scalar {tag}: {len(points)} points, last {points[-1].value:.6g} at step {points[-1].step}")
    for tag in tags["images"]:
        last = events.Images(tag)[-1]
        print(f"image {tag}: {last.width} x {last.height}, {len(last.encoded_image_string)} bytes")
    for tag in tags["histograms"]:
        value = events.Histograms(tag)[-1].histogram_value
        print(f"histogram {tag}: {value.num:.0f} values from {value.min:.4g} to {value.max:.4g} in {len(value.bucket)} buckets")


parser = argparse.ArgumentParser()
parser.add_argument("--read", metavar="FOLDER")
arguments = parser.parse_args()
if arguments.read:
    read(arguments.read)
else:
    print(json.dumps(golden(), indent=1))
