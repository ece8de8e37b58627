"""DataLoader: batches of a dataset, made in this process.

In: a dataset and how to go through it.  Out: an iterator of batches; random orders take torch's draws.
"""
from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ... import api as torch
from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset, _fetch
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "get_worker_info"]

_told: set[str] = set()


def get_worker_info() -> None:
    """None: samples are loaded in the main process."""
    return None


def _tell_about_workers() -> None:
    if "workers" not in _told:
        _told.add("workers")
        warnings.warn("DataLoader: num_workers > 0 is accepted, but samples are loaded in the main process",
                      stacklevel=4)


class _Endless(Sampler):
    """The sampler of streams: there is nothing to choose."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class _Batches:
    """One pass through a loader."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        # The seed of the workers is drawn even where there are none.
        self._base_seed = torch.empty((), dtype=torch.int64).random_(generator=loader.generator)
        self._made = self._make()
        self._ahead = [next(self._made, None)] if loader.num_workers > 0 and not loader._streams else []

    def _make(self) -> Iterator[Any]:
        loader = self._loader
        if loader._streams:
            yield from self._from_stream()
            return
        for index in loader._index_sampler:
            if not loader._auto_collation:
                yield loader.collate_fn(loader.dataset[index])
            elif loader.collate_fn is default_collate and (rows := _rows(loader.dataset, index)) is not None:
                yield rows
            else:
                yield loader.collate_fn(_fetch(loader.dataset, index))

    def _from_stream(self) -> Iterator[Any]:
        loader = self._loader
        samples = iter(loader.dataset)
        if not loader._auto_collation:
            for sample in samples:
                yield loader.collate_fn(sample)
            return
        for index in loader._index_sampler:
            batch = list(itertools.islice(samples, len(index)))
            if not batch or (loader.drop_last and len(batch) < len(index)):
                return
            yield loader.collate_fn(batch)

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> Any:
        if self._ahead:
            batch = self._ahead.pop()
            if batch is None:
                raise StopIteration
            return batch
        return next(self._made)

    def __len__(self) -> int:
        return len(self._loader._index_sampler)


def _rows(dataset: Any, indices: list) -> list | None:
    """The batch of a TensorDataset (or a Subset of one) by one indexing a tensor; None for any other dataset."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or not all(type(i) is int for i in indices):
        return None
    where = torch.from_numpy(np.array(indices, np.int64))
    return [t[where.to(t.device) if t.is_cuda else where] for t in dataset.tensors]


class DataLoader:
    """Batches of a dataset; see torch.utils.data.DataLoader.  Differs from torch: workers are not started."""

    _initialized = False

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
                 sampler: Iterable | None = None, batch_sampler: Iterable | None = None, num_workers: int = 0,
                 collate_fn: Callable | None = None, pin_memory: bool = False, drop_last: bool = False,
                 timeout: float = 0, worker_init_fn: Callable | None = None, multiprocessing_context: Any = None,
                 generator: Any = None, *, prefetch_factor: int | None = None, persistent_workers: bool = False,
                 pin_memory_device: str = "", in_order: bool = True) -> None:
        self._check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        if num_workers > 0:
            _tell_about_workers()
            prefetch_factor = 2 if prefetch_factor is None else prefetch_factor
        self.dataset, self.num_workers, self.prefetch_factor = dataset, num_workers, prefetch_factor
        self.pin_memory, self.pin_memory_device, self.timeout = pin_memory, pin_memory_device, timeout
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.in_order, self.persistent_workers = in_order, persistent_workers
        self._streams = isinstance(dataset, IterableDataset)
        if self._streams:
            self._check_stream(shuffle, sampler, batch_sampler)
            shuffle = False
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                                 "drop_last")
            batch_size, drop_last = None, False
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            sampler = (_Endless() if self._streams else RandomSampler(dataset, generator=generator) if shuffle
                       else SequentialSampler(dataset))
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self._initialized = True

    @staticmethod
    def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool) -> None:
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError("prefetch_factor option could only be specified in multiprocessing."
                             "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None.")
        if num_workers > 0 and prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")

    @staticmethod
    def _check_stream(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
        for what, given in (("shuffle", shuffle), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if given if what == "shuffle" else given is not None:
                raise ValueError("DataLoader with IterableDataset: expected unspecified "
                                 f"{what} option, but got {what}={given}")

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset",
                                          "persistent_workers"):
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> _Batches:
        return _Batches(self)

    def __len__(self) -> int:
        if not self._streams:
            return len(self._index_sampler)
        n = len(self.dataset)
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
