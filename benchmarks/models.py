"""Training steps of common kinds of model: torchish and torch eager, un-annotated, with Adam, in turn.

In: `--only NAME`, `--rounds N`.  Out: a Markdown table of ratios; torch has to be installed.
Run: python benchmarks/models.py
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from harness import interleaved, module, readable, table

Step = tuple[Any, Callable, Callable[[np.random.Generator], tuple]]     # model, loss of a batch, a batch


def lstm(torch: ModuleType) -> Step:
    nn = torch.nn
    model = nn.ModuleDict({"embed": nn.Embedding(100, 64), "lstm": nn.LSTM(64, 128, batch_first=True), "out": nn.Linear(128, 100)})

    def loss(x: Any, y: Any) -> Any:
        hidden, _ = model["lstm"](model["embed"](x))
        return nn.functional.cross_entropy(model["out"](hidden).flatten(0, 1), y.flatten())
    return model, loss, lambda r: (r.integers(0, 100, (16, 32)), r.integers(0, 100, (16, 32)))


def loop(torch: ModuleType) -> Step:
    nn = torch.nn
    model = nn.ModuleDict({"cell": nn.LSTMCell(16, 64), "out": nn.Linear(64, 16)})

    def loss(x: Any, y: Any) -> Any:
        h, c, total = torch.zeros(16, 64), torch.zeros(16, 64), 0
        for t in range(100):
            h, c = model["cell"](x[t], (h, c))
            total = total + nn.functional.mse_loss(model["out"](h), y[t])
        return total / 100
    return model, loss, lambda r: (r.standard_normal((100, 16, 16), dtype=np.float32),
                                   r.standard_normal((100, 16, 16), dtype=np.float32))


def residual(torch: ModuleType) -> Step:
    nn = torch.nn

    class Block(nn.Module):     # type: ignore[name-defined, misc]
        def __init__(self, i: int, o: int, stride: int):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                                      nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
            self.short = nn.Identity() if i == o else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

        def forward(self, x: Any) -> Any:
            return torch.relu(self.body(x) + self.short(x))

    model = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2),
                          Block(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return model, lambda x, y: nn.functional.cross_entropy(model(x), y), images(32, 3, 32)


def encoder(torch: ModuleType) -> Step:
    nn = torch.nn
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    model = nn.Sequential(nn.Embedding(100, 64), nn.TransformerEncoder(layer, 2), nn.Linear(64, 100))
    return (model, lambda x, y: nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten()),
            lambda r: (r.integers(0, 100, (16, 32)), r.integers(0, 100, (16, 32))))


def autoencoder(torch: ModuleType) -> Step:
    nn = torch.nn
    model = nn.ModuleDict({"in": nn.Linear(784, 400), "mean": nn.Linear(400, 20), "spread": nn.Linear(400, 20),
                           "out": nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid())})

    def loss(x: Any, _: Any) -> Any:
        h = torch.relu(model["in"](x))
        mean, spread = model["mean"](h), model["spread"](h)
        shown = model["out"](mean + torch.randn_like(mean) * torch.exp(0.5 * spread))
        divergence = -0.5 * (1 + spread - mean ** 2 - spread.exp()).sum()
        return nn.functional.binary_cross_entropy(shown, x, reduction="sum") + divergence
    return model, loss, lambda r: (r.random((128, 784), dtype=np.float32), r.integers(0, 10, 128))


def adversarial(torch: ModuleType) -> Step:
    nn = torch.nn
    model = nn.Sequential(
        nn.ConvTranspose2d(32, 64, 4, 1, 0), nn.BatchNorm2d(64), nn.ReLU(), nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32),
        nn.ReLU(), nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Tanh(), nn.Conv2d(3, 32, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 4))
    return model, lambda x, _: model(x).square().mean(), images(32, 32, 1)


def depthwise(torch: ModuleType) -> Step:
    nn = torch.nn

    def block(i: int, o: int, stride: int) -> Any:
        wide = 4 * i
        return nn.Sequential(nn.Conv2d(i, wide, 1), nn.BatchNorm2d(wide), nn.ReLU6(),
                             nn.Conv2d(wide, wide, 3, stride, 1, groups=wide), nn.BatchNorm2d(wide), nn.ReLU6(),
                             nn.Conv2d(wide, o, 1), nn.BatchNorm2d(o))
    model = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), block(16, 24, 1), block(24, 32, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(32, 10))
    return model, lambda x, y: nn.functional.cross_entropy(model(x), y), images(16, 3, 32)


def graph(torch: ModuleType) -> Step:
    """Two graph convolutions over 2,708 nodes, 10,556 edges and 1,433 features (the sizes of Cora)."""
    nn, nodes = torch.nn, 2708
    places = np.random.default_rng(0).integers(0, nodes, (2, 10556))
    adjacency = torch.sparse_coo_tensor(torch.tensor(places), torch.full((places.shape[1],), 0.2), (nodes, nodes),
                                        check_invariants=True).coalesce()
    model = nn.ModuleList([nn.Linear(1433, 16), nn.Linear(16, 7)])

    def loss(x: Any, y: Any) -> Any:
        hidden = torch.relu(torch.sparse.mm(adjacency, model[0](x)))
        return nn.functional.cross_entropy(torch.sparse.mm(adjacency, model[1](hidden)), y)
    return model, loss, lambda r: ((r.random((nodes, 1433)) < 0.01).astype(np.float32), r.integers(0, 7, nodes))


def images(count: int, channels: int, size: int) -> Callable[[np.random.Generator], tuple]:
    return lambda r: (r.standard_normal((count, channels, size, size), dtype=np.float32), r.integers(0, 10, count))


MODELS: dict[str, Callable[[ModuleType], Step]] = {
    "LSTM": lstm, "LSTM cell in a loop": loop, "residual network": residual, "transformer encoder": encoder,
    "variational autoencoder": autoencoder, "generator and discriminator": adversarial, "depthwise convolutions": depthwise,
    "graph convolutions (sparse)": graph}


class Training:
    """One model in training."""

    def __init__(self, torch: ModuleType, make: Callable[[ModuleType], Step]):
        torch.manual_seed(0)
        self.model, self.of_batch, batch = make(torch)
        random = np.random.default_rng(0)
        self.batches = [tuple(map(torch.tensor, batch(random))) for _ in range(4)]
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.taken = 0
        self.last: Any = None

    def step(self) -> None:
        batch = self.batches[self.taken % len(self.batches)]
        self.taken += 1
        self.optimizer.zero_grad()
        loss = self.of_batch(*batch)
        loss.backward()
        self.optimizer.step()
        self.last = loss.detach()

    def loss(self) -> float:
        return self.last.item()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", choices=MODELS, action="append")
    options.add_argument("--rounds", type=int, default=9)
    options = options.parse_args()
    modules = {name: module(name) for name in ("torchish", "torch")}
    if modules["torch"] is None:
        raise SystemExit("torch is not installed: there is nothing to compare with")
    rows = []
    for name in options.only or MODELS:
        runs = {label: Training(torch, MODELS[name]) for label, torch in modules.items() if torch is not None}
        for _ in range(4):
            for run in runs.values():
                run.step()
        losses = [run.loss() for run in runs.values()]
        timing = interleaved(runs, options.rounds, 0.3)
        rows.append([name, readable(timing.seconds("torch")), f"{timing.ratio('torchish', 'torch'):.2f}",
                     f"{abs(losses[0] - losses[1]) / abs(losses[1]):.1e}"])
        print("  ".join(rows[-1]), flush=True)
    print("\nTime of a step. Ratios below 1 are faster.\n")
    print(table(["model", "torch", "torchish : torch", "losses differ by"], rows))


if __name__ == "__main__":
    main()
