"""Checkpointing: what a training step needs for intermediate values, and what it costs, with and without it.

In: `--depth N`, `--width N`, `--batch N`, `--rounds N`.  Out: a Markdown table: bytes as XLA reports them for the compiled step,
and the ratio of times in interleaved rounds.
Run: python benchmarks/checkpoint.py
"""
from __future__ import annotations

import argparse

from harness import interleaved, table

import torchish as torch
from torchish import nn
from torchish.utils.checkpoint import checkpoint, checkpoint_sequential


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


def each_block(net, x):
    for block in net:
        x = checkpoint(block, x, use_reentrant=False)
    return x


def by_parts(net, x):
    return checkpoint_sequential(net, max(2, round(len(net) ** 0.5)), x, use_reentrant=False)


WAYS = {"everything kept": lambda net, x: net(x), "each block": each_block, "in sqrt(depth) parts": by_parts}


class Training:
    """One model in training in one of the WAYS."""

    def __init__(self, way, depth, width, batch):
        torch.manual_seed(0)
        self.way = WAYS[way]
        self.net = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01)
        self.x = torch.randn(batch, width)
        self.last = None

    def step(self):
        self.optimizer.zero_grad()
        loss = self.way(self.net, self.x).square().mean()
        loss.backward()
        self.optimizer.step()
        self.last = loss.detach()

    def loss(self):
        return self.last.item()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--depth", type=int, default=16)
    options.add_argument("--width", type=int, default=128)
    options.add_argument("--batch", type=int, default=1024)
    options.add_argument("--rounds", type=int, default=7)
    options = options.parse_args()
    runs, bytes_needed, losses = {}, {}, {}
    for way in WAYS:
        known = len(torch.explain())
        runs[way] = Training(way, options.depth, options.width, options.batch)
        for _ in range(3):
            runs[way].step()
            losses[way] = runs[way].loss()
        bytes_needed[way] = max(c.between for c in torch.explain()[known:])
    timing = interleaved(runs, options.rounds)
    kept = bytes_needed["everything kept"]
    print(f"{options.depth} blocks of width {options.width}, batch {options.batch}; losses differ by "
          f"{max(losses.values()) - min(losses.values()):.1e}\n")
    print(table(["backward", "intermediate values", ": everything kept", "time : everything kept"],
                [[way, f"{size / 2**20:.1f} MiB", f"{size / kept:.2f}", f"{timing.ratio(way, 'everything kept'):.2f}"]
                 for way, size in bytes_needed.items()]))


if __name__ == "__main__":
    main()
