"""Trellis-coded quantization (Marcellin and Fischer 1990): one path of 256 states for all coefficients.

A step of the path tells 1, 2 or 4 coefficients. Its first bit moves the state, which is the last 8 such bits; the window
is the state with the step's bit. The other bits choose among the branches of the window. All bits, cut into pieces, are ids.
"""

import torch
from torch import nn

STATES = 256


class Trellis(nn.Module):
    """`classes`: coefficients of a step, its bits, and the columns of its table, for each rate class."""

    def __init__(self, tokens, width, steps, elements, classes):
        super().__init__()
        self.tokens = tokens
        self.width = width  # bits of an id
        self.classes = classes
        sizes = [2 ** (bits - 1) * vector * columns for vector, bits, columns in classes]
        self.register_buffer("tables", torch.zeros(sum(sizes)))
        self.register_buffer("class_of", torch.zeros(steps, dtype=torch.int32))
        self.register_buffer("deviations", torch.ones(elements))
        self.register_buffer("shared_columns", torch.zeros(2 * STATES, dtype=torch.int32))

    def books(self):
        """The branches of each class: [window, branch, coefficient]."""
        found, start = [], 0
        for vector, bits, columns in self.classes:
            shape = (2 ** (bits - 1), vector, columns)
            size = shape[0] * vector * columns
            table = self.tables[start : start + size].view(shape)
            start += size
            if columns < 2 * STATES:
                table = table[:, :, self.shared_columns.long()]
            found.append(table.permute(2, 0, 1))
        return found

    def steps(self):
        """Of every step: its class, its first coefficient, its first bit. Coefficients without bits come last."""
        coefficient, bit = 0, 0
        for index in self.class_of.tolist():
            yield index, coefficient, bit
            coefficient += self.classes[index][0]
            bit += self.classes[index][1]

    def padded(self):
        """The deviations, filled up with zeros to blocks of 4."""
        return nn.functional.pad(self.deviations, (0, -len(self.deviations) % 4))

    def encode(self, vectors):
        """vectors [n, 1, elements] in the order of the path -> ids [n, T]. The path of least error, by Viterbi."""
        n, device = len(vectors), vectors.device
        deviations = self.padded()
        values = nn.functional.pad(vectors[:, 0], (0, len(deviations) - vectors.shape[2]))
        values = torch.where(deviations > 0, values / deviations, torch.zeros_like(values))
        weights = deviations * deviations
        books = self.books()
        costs = torch.full((n, STATES), float("inf"), device=device)
        costs[:, 0] = 0
        nearest, from_high = [], []
        for index, first, _ in self.steps():
            vector = self.classes[index][0]
            distance = torch.zeros((), device=device)
            for i in range(vector):  # one by one: the sums are those of revq
                difference = values[:, first + i, None, None] - books[index][None, :, :, i]
                distance = distance + difference * difference
            distance, branch = first_lowest(distance)
            distance = distance * weights[first]
            before = costs.repeat_interleave(2, 1)  # of windows: their state is half of them
            low, high = (before + distance).chunk(2, 1)
            is_high = high < low
            costs = torch.where(is_high, high, low)
            costs = costs - costs.min(1, keepdim=True).values
            nearest.append(branch.to(torch.int16))
            from_high.append(is_high)
        bits = torch.zeros(n, self.tokens * self.width, dtype=torch.long, device=device)
        state = costs.argmin(1)
        for (index, _, bit), branch, is_high in reversed(list(zip(self.steps(), nearest, from_high))):
            window = state + STATES * is_high.gather(1, state[:, None])[:, 0]
            chosen = branch.gather(1, window[:, None])[:, 0].long()
            bits[:, bit] = window % 2
            extra = self.classes[index][1] - 1
            for place in range(extra):
                bits[:, bit + 1 + place] = chosen >> (extra - 1 - place) & 1
            state = window // 2
        powers = 2 ** torch.arange(self.width - 1, -1, -1, device=device)
        return (bits.view(n, self.tokens, self.width) * powers).sum(2)

    def decode(self, ids):
        """ids [n, T] -> vectors [n, 1, elements] in the order of the path"""
        n, device = len(ids), ids.device
        shifts = torch.arange(self.width - 1, -1, -1, device=device)
        bits = (ids[..., None] >> shifts & 1).flatten(1)
        books = self.books()
        steps = list(self.steps())
        moves = bits[:, [bit for _, _, bit in steps]]
        past = nn.functional.pad(moves, (8, 0))
        windows = sum(past[:, 8 - age : 8 - age + len(steps)] << age for age in range(9))
        values = torch.zeros(n, len(self.padded()), device=device)
        for index, (vector, count, _) in enumerate(self.classes):
            chosen = [(step, first, bit) for step, (of, first, bit) in enumerate(steps) if of == index]
            if not chosen:
                continue
            at, firsts, starts = (torch.tensor(each, device=device) for each in zip(*chosen))
            branch = torch.zeros(n, len(chosen), dtype=torch.long, device=device)
            for place in range(1, count):
                branch = branch * 2 + bits[:, starts + place]
            places = (firsts[:, None] + torch.arange(vector, device=device)).flatten()
            values[:, places] = books[index][windows[:, at], branch].flatten(1)
        return (values * self.padded())[:, None, : len(self.deviations)]


def first_lowest(values):
    """[n, windows, branches] -> the least of each window and the first branch that has it"""
    least = values.min(2).values
    return least, (values == least[..., None]).int().argmax(2)
