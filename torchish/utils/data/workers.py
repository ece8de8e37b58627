"""The workers of a DataLoader: in this process, each with random numbers and a dataset object of its own, as a forked one has.

In: a dataset, a seed.  Out: what is computed as worker `id` of `num_workers`: the draws of torch, numpy and random are those that
torch's worker processes make.
"""
from __future__ import annotations

import copy
import random
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from ...generator import Generator, default_generator

__all__ = ["Worker", "WorkerInfo", "get_worker_info"]


class WorkerInfo:
    """What a worker knows of itself: id, num_workers, seed, dataset."""

    def __init__(self, **known: Any) -> None:
        self.__dict__.update(known)
        self._keys = tuple(known)

    def __setattr__(self, key: str, value: Any) -> None:
        if hasattr(self, "_keys"):
            raise RuntimeError(f"Cannot assign attributes to {type(self).__name__} objects")
        super().__setattr__(key, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={getattr(self, k)}' for k in self._keys)})"


class _Now:
    """The worker that is at work."""
    info: WorkerInfo | None = None


_now = _Now()


def get_worker_info() -> WorkerInfo | None:
    """What the worker knows of itself; None outside of workers."""
    return _now.info


class _States:
    """The states of the three global sources of random numbers: put aside, and put back."""

    def __init__(self) -> None:
        self.torch, self.python, self.numpy = vars(default_generator).copy(), random.getstate(), np.random.get_state()

    def restore(self) -> None:
        vars(default_generator).update(self.torch)
        random.setstate(self.python)
        np.random.set_state(self.numpy)


def _generate_state(base_seed: int, worker_id: int) -> list[int]:
    """The four numbers that numpy's generator is seeded with in a worker."""
    entropy = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    return np.random.SeedSequence(entropy).generate_state(4).tolist()


class Worker:
    """One worker. `with worker:` makes its random numbers and its WorkerInfo those of the process."""

    def __init__(self, dataset: Any, id: int, num_workers: int, base_seed: int, init: Callable[[int], Any] | None) -> None:
        self.dataset = copy.copy(dataset)
        self.info = WorkerInfo(id=id, num_workers=num_workers, seed=base_seed + id, dataset=self.dataset)
        self.id, self.samples = id, None
        self.own: _States | None = None
        with self:
            vars(default_generator).update(vars(Generator().manual_seed(base_seed + id)))
            random.seed(base_seed + id)
            np.random.seed(_generate_state(base_seed, id))
            if init is not None:
                self.run(init, id)

    def __enter__(self) -> Worker:
        self.outer = _States()
        if self.own is not None:
            self.own.restore()
        _now.info = self.info
        return self

    def __exit__(self, *_: object) -> None:
        self.own = _States()
        self.outer.restore()
        _now.info = None

    def run(self, call: Callable, *args: Any) -> Any:
        """call(*args); an error says in which worker it happened."""
        try:
            return call(*args)
        except StopIteration:
            raise
        except Exception as error:
            text = (f"Caught {type(error).__name__} in DataLoader worker process {self.id}.\n"
                    f"Original {traceback.format_exc()}")
            try:
                told = type(error)(_Lines(text) if isinstance(error, KeyError) else text)
            except TypeError:       # a class that wants other arguments
                told = RuntimeError(text)
            raise told from None


class _Lines(str):
    """A text that a KeyError shows as it is, line by line."""

    def __repr__(self) -> str:
        return str(self)
