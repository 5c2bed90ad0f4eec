"""Trains on tokens/train, stops at the best state on tokens/held-out, and samples every class into sampled.npy."""

import argparse
import copy
import math
import time

import torch

from data import Tokens, read_tokens, unigram_bits, write_sampled
from model import Transformer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6, help="the most passes over the training samples")
    parser.add_argument("--patience", type=int, default=2, help="stop after so many passes without a better state")
    parser.add_argument("--batch", type=int, default=64, help="samples a step")
    parser.add_argument("--lr", type=float, default=2e-3, help="the highest learning rate of AdamW")
    parser.add_argument("--samples", type=int, default=4, help="pictures of each class")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-k", type=int, default=64, help="draw from the k likeliest codes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train, held_out = read_tokens("tokens/train"), read_tokens("tokens/held-out")
    assert train.vocabulary == held_out.vocabulary and train.classes == held_out.classes
    codes, tokens = train.vocabulary["codes"], train.vocabulary["layout"]["tokens"]
    print(f"{len(train.ids)} samples of {tokens} tokens, {len(train.classes)} classes; held out: {len(held_out.ids)}")

    model = Transformer(train.vocabulary["size"], codes, tokens)
    bits = fit(model, train, held_out, args)
    unigram = unigram_bits(train.ids, held_out.ids, codes)
    print(f"held-out bits a token: {bits:.3f} (unigram: {unigram:.3f}, nominal: {math.log2(codes):.3f})")
    assert bits < unigram, "The transformer predicts held-out tokens no better than their frequencies do."

    labels = torch.arange(len(train.classes)).repeat_interleave(args.samples)
    sampled = model.sample(train.class_ids(labels)[:, None], tokens, args.temperature, args.top_k)
    names = [f"{train.classes[label]}/{i % args.samples}" for i, label in enumerate(labels.tolist())]
    write_sampled("sampled.npy", sampled, train.vocabulary, names)
    print(f"sampled.npy: {len(sampled)} images of {len(train.classes)} classes")


def fit(model: Transformer, train: Tokens, held_out: Tokens, args: argparse.Namespace) -> float:
    """Leaves the model in its best state on the held-out samples. Returns their bits a token in that state."""
    sequences, unseen = train.sequences(), held_out.sequences()
    steps = args.epochs * math.ceil(len(sequences) / args.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=steps, pct_start=0.1)
    best, state, waited = math.inf, None, 0
    for epoch in range(args.epochs):
        start, total = time.time(), 0.0
        model.train()
        for batch in torch.randperm(len(sequences)).split(args.batch):
            loss = model.loss(sequences[batch])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        bits = held_out_bits(model, unseen)
        seen = total / len(sequences) / math.log(2)
        print(f"epoch {epoch + 1}: {seen:.3f} bits a token, held out {bits:.3f}, {time.time() - start:.0f} s", flush=True)
        waited += 1
        if bits < best:
            best, state, waited = bits, copy.deepcopy(model.state_dict()), 0
        if waited == args.patience:
            break
    model.load_state_dict(state)
    return best


@torch.no_grad()
def held_out_bits(model: Transformer, sequences: torch.Tensor) -> float:
    model.eval()
    nats = sum(model.loss(batch).item() * len(batch) for batch in sequences.split(100))
    return nats / len(sequences) / math.log(2)


if __name__ == "__main__":
    main()
