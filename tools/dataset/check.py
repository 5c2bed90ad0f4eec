"""Reads data sets of `revq tokenize` with the libraries that read them elsewhere, and compares every sample.

    python tools/dataset/check.py EXPECTED.json FOLDER ...

EXPECTED.json: a list of samples in order, {"key", "crop", "ids", "label", "caption"}; crop, label and caption may be
null. Prints a line for each folder as JSON. Needs numpy, datasets and webdataset.
"""

import glob
import json
import linecache
import os
import sys
import tempfile

import numpy as np


def webdataset(folder):
    import webdataset as wds

    shards = sorted(glob.glob(f"{folder}/tokens-*.tar"))
    for sample in wds.WebDataset(shards, shardshuffle=False).decode():
        about = sample["json"]
        yield about["key"], about.get("crop"), sample["ids.npy"], sample.get("cls"), sample.get("txt")


def parquet(folder):
    from datasets import ClassLabel, load_dataset

    with tempfile.TemporaryDirectory() as cache:
        files = sorted(glob.glob(f"{folder}/tokens-*.parquet"))
        rows = load_dataset("parquet", data_files=files, split="train", cache_dir=cache)
        labels = f"{folder}/labels.json"
        if os.path.exists(labels) and json.load(open(labels))["names"] is not None:
            feature = rows.features["label"]
            assert isinstance(feature, ClassLabel) and feature.names == json.load(open(labels))["names"]
        for row in rows:
            yield row["key"], row.get("crop"), row["ids"], row.get("label"), row.get("caption")


def indexed(ids, folder):
    index = json.load(open(f"{folder}/tokens.idx.json"))
    assert ids.shape == (index["samples"], index["tokens"]) and ids.dtype == index["dtype"]
    for i, key in enumerate(index["keys"]):
        one = lambda name: index[name][i] if name in index else None
        yield key, one("crops"), ids[i], one("labels"), one("captions")


def npy(folder):
    return indexed(np.load(f"{folder}/tokens.npy", mmap_mode="r"), folder)


def flat(folder):
    # The line of nanoGPT's train.py.
    data = np.memmap(os.path.join(folder, "tokens.bin"), dtype=np.uint16, mode="r")
    tokens = json.load(open(f"{folder}/vocabulary.json"))["layout"]["tokens"]
    return indexed(data.reshape(-1, tokens), folder)


def jsonl(folder):
    # As RAR's PretoeknizedDataSetJSONL reads it.
    path = f"{folder}/tokens.jsonl"
    for line in range(sum(1 for _ in open(path))):
        sample = json.loads(linecache.getline(path, line + 1).strip())
        yield sample["key"], sample.get("crop"), sample["tokens"], sample.get("class_id"), sample.get("caption")


def llamagen(folder):
    (codes,) = glob.glob(f"{folder}/imagenet*_codes")
    labels = codes.replace("_codes", "_labels")
    for image in range(len(os.listdir(codes))):
        # As LlamaGen's CustomDataset reads it.
        features, label = np.load(f"{codes}/{image}.npy"), np.load(f"{labels}/{image}.npy")
        assert features.dtype == label.dtype == np.int64 and label.shape == (1,)
        for crop in range(features.shape[1]):
            yield None, crop if features.shape[1] > 1 else None, features[:, crop][0], int(label[0]), None


readers = {
    "webdataset": webdataset,
    "parquet": parquet,
    "npy": npy,
    "bin": flat,
    "jsonl": jsonl,
    "llamagen": llamagen,
}


def check(folder, expected):
    about = json.load(open(f"{folder}/dataset.json"))
    found = 0
    for want, (key, crop, ids, label, caption) in zip(expected, readers[about["format"]](folder), strict=True):
        where = f"{folder}, sample {found}"
        assert np.array_equal(np.asarray(ids), want["ids"]), where
        assert key is None or key == want["key"], where
        assert crop == want["crop"] and label == want["label"], where
        assert about["format"] == "llamagen" or caption == want["caption"], where
        found += 1
    assert found == about["samples"]
    print(json.dumps({"folder": folder, "format": about["format"], "samples": found}), flush=True)


if __name__ == "__main__":
    samples = json.load(open(sys.argv[1]))
    for path in sys.argv[2:]:
        check(path, samples)
