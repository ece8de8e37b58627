"""The workloads as a torch user writes them.

In: a module with torch's API (torchish or torch itself).  Out: for each name in `WORKLOADS` a model, its batches and
its optimizer; `Training` runs them step by step.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

STEPS = 10_000      # length of the cosine schedules


@dataclass(frozen=True)
class Workload:
    """What is trained: `model(torch)`, `optimizer(torch, parameters)` and numpy batches of (inputs, class numbers)."""
    model: Callable[[ModuleType], Any]
    optimizer: Callable[[ModuleType, Any], Any]
    batch: int
    inputs: tuple[int, ...]             # the shape of one input
    classes: int
    tokens: bool = False                # inputs are token numbers, and each token has a target
    clip: float | None = None
    schedule: bool = False

    def batches(self, count: int = 8, size: int | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
        """`count` batches of random data; `size` replaces the batch size."""
        random = np.random.default_rng(0)
        shape = (size or self.batch, *self.inputs)
        targets = shape[0] * (self.inputs[0] if self.tokens else 1)
        return [(random.integers(self.classes, size=shape) if self.tokens
                 else random.standard_normal(shape, dtype=np.float32),
                 random.integers(self.classes, size=targets)) for _ in range(count)]


def mlp(*widths: int) -> Callable[[ModuleType], Any]:
    def build(torch):
        layers = []
        for fan_in, fan_out in pairwise(widths):
            layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])
    return build


def lenet(torch: ModuleType) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def gpt(torch: ModuleType, characters: int = 64, width: int = 128, layers: int = 4, heads: int = 4,
        context: int = 64) -> Any:
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.register_buffer("future", torch.ones(context, context, dtype=torch.bool).triu(1), persistent=False)

        def attend(self, x):
            batch, time, _ = x.shape
            q, k, v = (part.view(batch, time, heads, width // heads).transpose(1, 2)
                       for part in self.qkv(x).split(width, dim=2))
            scores = (q @ k.transpose(-2, -1)) * (heads / width) ** 0.5
            weights = scores.masked_fill(self.future, float("-inf")).softmax(dim=-1)
            return self.out((weights @ v).transpose(1, 2).reshape(batch, time, width))

        def forward(self, x):
            x = x + self.attend(self.norm1(x))
            return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.position = nn.Embedding(characters, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm, self.scores = nn.LayerNorm(width), nn.Linear(width, characters, bias=False)
            self.register_buffer("places", torch.arange(context), persistent=False)

        def forward(self, tokens):
            x = self.token(tokens) + self.position(self.places)
            for block in self.blocks:
                x = block(x)
            return self.scores(self.norm(x)).flatten(0, 1)

    return GPT()


WORKLOADS = {
    "tiny MLP": Workload(mlp(16, 32, 4), lambda torch, p: torch.optim.SGD(p, lr=0.01), 8, (16,), 4),
    "MNIST MLP": Workload(mlp(784, 128, 10), lambda torch, p: torch.optim.SGD(p, lr=0.01), 64, (784,), 10),
    "20-layer MLP": Workload(mlp(*[64] * 20, 10), lambda torch, p: torch.optim.Adam(p, lr=1e-3), 64, (64,), 10),
    "LeNet": Workload(lenet, lambda torch, p: torch.optim.SGD(p, lr=0.01, momentum=0.9), 64, (1, 28, 28), 10),
    "small GPT": Workload(gpt, lambda torch, p: torch.optim.AdamW(p, lr=3e-4, weight_decay=0.01), 16, (64,), 64,
                          tokens=True, clip=1.0, schedule=True),
}


def cosine(step: int) -> float:
    """The factor of the learning rate at a step."""
    return 0.5 * (1 + math.cos(math.pi * step / STEPS))


class Training:
    """One model in training: `step()` does one step un-annotated, `loss()` waits for the last one; its loss."""

    def __init__(self, torch: ModuleType, workload: Workload, schedule: bool | None = None):
        torch.manual_seed(0)
        self.torch, self.workload = torch, workload
        self.model = workload.model(torch)
        self.optimizer = workload.optimizer(torch, self.model.parameters())
        wanted = workload.schedule if schedule is None else schedule
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, cosine) if wanted else None
        self.batches = [self.tensors(*batch) for batch in workload.batches()]
        self.taken = 0
        self.last: Any = None

    def tensors(self, inputs: np.ndarray, targets: np.ndarray) -> tuple[Any, Any]:
        return self.torch.tensor(inputs), self.torch.tensor(targets)

    def state(self) -> dict[str, np.ndarray]:
        """The parameters as numpy arrays, for the hand-written step to begin from."""
        return {name: value.detach().numpy().copy() for name, value in self.model.state_dict().items()}

    def step(self, batch: tuple[Any, Any] | None = None) -> None:
        inputs, targets = batch or self.batches[self.taken % len(self.batches)]
        self.taken += 1
        self.optimizer.zero_grad()
        loss = self.torch.nn.functional.cross_entropy(self.model(inputs), targets)
        loss.backward()
        if self.workload.clip is not None:
            self.torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.workload.clip)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        self.last = loss.detach()

    def loss(self) -> float:
        return self.last.item()
