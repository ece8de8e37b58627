"""DataLoader: batches of a dataset, made in this process, also where workers are asked for.

In: a dataset and how to go through it.  Out: an iterator of batches; random orders take torch's draws.
"""
from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.context
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np

from ... import api as torch
from ...tape import stats
from ...warned import warn
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset, Subset, TensorDataset, _fetch
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from .workers import Worker, get_worker_info

__all__ = ["DataLoader", "get_worker_info"]


T = TypeVar("T", covariant=True)
_collate_fn_t, _worker_init_fn_t = Callable[[list], Any], Callable[[int], None]      # libraries annotate with them


_NEWS = 8       # batches after which it is not expected that the next one repeats one before: flips drawn for each sample, say


class _Endless(Sampler):
    """The sampler of streams: there is nothing to choose."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class _Failed:
    """Stands for a batch that a worker could not make."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Batches:
    """One pass through a loader; with workers that stay, one pass after the other (`reset`)."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        # The seed of the workers is drawn even where there are none.
        seed = torch.empty((), dtype=torch.int64).random_(generator=loader.generator)
        self._workers: list[Worker] = []
        if loader.num_workers > 0:
            n, base = loader.num_workers, seed.item()
            self._workers = [Worker(loader.dataset, i, n, base, loader.worker_init_fn) for i in range(n)]
        self.reset()

    def reset(self) -> None:
        """Begins anew."""
        loader = self._loader
        self._yielded, self._told = 0, loader._told
        self._indices = iter(loader._index_sampler)
        for worker in self._workers:
            worker.samples = None
        self._active = list(self._workers)
        self._ahead: deque[Any] = deque()
        if self._workers:       # workers are given their work ahead of time: so much of the order is drawn now
            self._ahead.extend(itertools.islice(self._indices, loader.prefetch_factor * loader.num_workers))
            self._made = self._from_workers()
        elif loader._streams:
            self._made = self._from_stream(loader.dataset, self._indices)
        else:
            self._made = map(self._one, itertools.repeat(loader.dataset), self._indices)

    def _one(self, dataset: Any, index: Any) -> Any:
        loader = self._loader
        if not loader._auto_collation:
            return loader.collate_fn(dataset[index])
        if loader.collate_fn is default_collate and (rows := _rows(dataset, index)) is not None:
            return rows
        known = stats.nodes
        samples = _fetch(dataset, index, loader._news >= _NEWS)
        if stats.nodes != known:
            loader._news += 1
        return loader.collate_fn(samples)

    def _from_workers(self) -> Iterator[Any]:
        """Batch after batch from the workers in turn; one whose stream has ended is left out."""
        streams, turn = self._loader._streams, 0
        while self._active and self._ahead:
            turn %= len(self._active)
            worker = self._active[turn]
            with worker:
                try:
                    if not streams:
                        batch = worker.run(self._one, worker.dataset, self._ahead[0])
                    else:
                        if worker.samples is None:
                            worker.samples = self._from_stream(worker.dataset, itertools.repeat(self._ahead[0]))
                        batch = worker.run(next, worker.samples, self)
                except Exception as error:
                    batch = _Failed(error)      # the pass goes on after it
            if batch is self:
                self._active.pop(turn)
                continue
            self._ahead.popleft()
            self._ahead.extend(itertools.islice(self._indices, 1))
            turn += 1
            yield batch

    def _from_stream(self, dataset: Any, indices: Iterator[Any]) -> Iterator[Any]:
        loader = self._loader
        samples = iter(dataset)
        if not loader._auto_collation:
            for sample in samples:
                yield loader.collate_fn(sample)
            return
        for index in indices:
            batch = list(itertools.islice(samples, len(index)))
            if not batch or (loader.drop_last and len(batch) < len(index)):
                return
            yield loader.collate_fn(batch)

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> Any:
        batch = next(self._made)
        if batch.__class__ is _Failed:
            raise batch.error
        self._yielded += 1
        if self._told is not None and self._yielded > self._told:
            self._warn_longer()
        return batch

    def _warn_longer(self) -> None:
        loader = self._loader
        why = ("For multiprocessing data-loading, this comes of a dataset that gives each worker the whole stream, not its part of "
               "it (torch.utils.data.get_worker_info).")
        warn(f"Length of IterableDataset {loader.dataset} was reported to be {self._told}(when accessing len(dataloader)), but "
             f"{self._yielded} samples have been fetched. " + (why if self._workers else ""))

    def __len__(self) -> int:
        return len(self._loader._index_sampler)


# the classes that libraries name in their annotations
_BaseDataLoaderIter = _SingleProcessDataLoaderIter = _MultiProcessingDataLoaderIter = _Batches


def _rows(dataset: Any, indices: list) -> list | None:
    """The batch of a TensorDataset (or a Subset of one) by one indexing a tensor; None for any other dataset."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or not all(type(i) is int for i in indices):
        return None
    where = torch.from_numpy(np.array(indices, np.int64))
    return [t[where.to(t.device) if t.is_cuda else where] for t in dataset.tensors]


class DataLoader(Generic[T]):
    """Batches of a dataset; see torch.utils.data.DataLoader.  Differs from torch: workers take turns in this process."""

    _initialized = False
    _news = 0           # batches for which something was recorded that no batch before had recorded
    _iterator: _Batches | None = None
    _told: int | None = None    # the length that was told for a stream

    def __init__(self, dataset: Dataset[T], batch_size: int | None = 1, shuffle: bool | None = None,
                 sampler: Iterable | None = None, batch_sampler: Iterable | None = None, num_workers: int = 0,
                 collate_fn: Callable | None = None, pin_memory: bool = False, drop_last: bool = False,
                 timeout: float = 0, worker_init_fn: Callable | None = None, multiprocessing_context: Any = None,
                 generator: Any = None, *, prefetch_factor: int | None = None, persistent_workers: bool = False,
                 pin_memory_device: str = "", in_order: bool = True) -> None:
        self._check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        if num_workers > 0:
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
        super().__setattr__(name, self._context(value) if name == "multiprocessing_context" else value)

    def _context(self, value: Any) -> Any:
        """How worker processes would be started: checked as torch does, though workers here are none."""
        if value is None:
            return None
        if self.num_workers == 0:
            raise ValueError("multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
                             "num_workers=0")
        if isinstance(value, str):
            valid = multiprocessing.get_all_start_methods()
            if value not in valid:
                raise ValueError(f"multiprocessing_context option should specify a valid start method in {valid!r}, but got "
                                 f"multiprocessing_context={value!r}")
            return multiprocessing.get_context(value)
        if not isinstance(value, multiprocessing.context.BaseContext):
            raise TypeError("multiprocessing_context option should be a valid context object or a string specifying the start "
                            f"method, but got multiprocessing_context={value}")
        return value

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> _Batches:
        if not self.persistent_workers:
            return _Batches(self)
        if self._iterator is None:
            self._iterator = _Batches(self)
        else:
            self._iterator.reset()
        return self._iterator

    def __len__(self) -> int:
        if not self._streams:
            return len(self._index_sampler)
        self._told = n = len(self.dataset)      # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
