"""DistributedSampler: the share of one process among several."""
from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeVar

from ... import api as torch
from .sampler import Sampler

__all__ = ["DistributedSampler"]

T = TypeVar("T", covariant=True)


class DistributedSampler(Sampler[T]):
    """Every num_replicas-th index from rank on, of an order shuffled by seed + epoch.

    Differs from torch: without num_replicas and rank there is one process, no process group is asked.
    """

    def __init__(self, dataset: Any, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:
        num_replicas = 1 if num_replicas is None else num_replicas
        rank = 0 if rank is None else rank
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.epoch, self.drop_last, self.shuffle, self.seed = 0, drop_last, shuffle, seed
        size = len(dataset)
        fair = drop_last and size % num_replicas != 0
        self.num_samples = math.ceil(((size - num_replicas) if fair else size) / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        if self.shuffle:
            generator = torch.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = torch.randperm(len(self.dataset), generator=generator).tolist()
        else:
            indices = list(range(len(self.dataset)))
        if not self.drop_last and self.total_size > len(indices):       # filled up by going round again
            indices = (indices * math.ceil(self.total_size / len(indices)))
        return iter(indices[:self.total_size][self.rank::self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next pass."""
        self.epoch = epoch
