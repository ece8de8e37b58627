"""Datasets, samplers and loaders: the same order and the same batches as torch's, from the same seed."""
from __future__ import annotations

import random
from collections import namedtuple
from collections.abc import Iterator

import numpy as np
import pytest
from counting import counting
from nn_golden import cases, recorder

import torchish as torch
from torchish.config import config
from torchish.tape import stats
from torchish.utils import data


@pytest.mark.parametrize(("text", "expected"), cases("data"))
def test_recorded(text: str, expected: object) -> None:
    value = recorder.seeded(torch, text)
    assert (np.array_equal(value, expected) if isinstance(value, np.ndarray) else value == expected), (value, expected)


@pytest.mark.parametrize(("text", "expected"), cases("errors", "data."))
def test_error(text: str, expected: list) -> None:
    assert recorder.error(torch, text) == tuple(expected)


class Squares(data.Dataset):
    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.tensor([index, index * index]), index

    def __len__(self) -> int:
        return 7


class Stream(data.IterableDataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.n))

    def __len__(self) -> int:
        return self.n


def test_map_style() -> None:
    batches = list(data.DataLoader(Squares(), batch_size=3))
    assert [b[1].tolist() for b in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert batches[1][0].tolist() == [[3, 9], [4, 16], [5, 25]] and batches[0][1].dtype == torch.int64


class Flipped(data.Dataset):
    """What is done to a sample is drawn by Python: no two batches are recorded alike."""

    def __init__(self) -> None:
        self.images, self.draw = torch.arange(64.0 * 6).reshape(64, 2, 3), random.Random(0)

    def __getitem__(self, index: int) -> torch.Tensor:
        x = self.images[index] / 2 - 1
        return x.flip(-1) if self.draw.random() < 0.5 else x

    def __len__(self) -> int:
        return 64


def test_samples_that_are_made_in_many_ways_are_programs_of_their_own() -> None:
    dataset = Flipped()
    loader = data.DataLoader(dataset, batch_size=8)
    total, early = torch.zeros(()), 0
    with counting() as c, config.override(drafts="never"):      # in the first batches graphs look as if they changed all the time
        for epoch in range(3):
            for k, batch in enumerate(loader):
                total += batch.sum()
                expected = (dataset.images[8 * k:8 * k + 8] / 2 - 1).sort().values
                assert torch.equal(batch.sort().values, expected)
            if epoch == 1:
                early, known = c.compiled, stats.nodes
    assert c.compiled == early and stats.nodes == known
    assert total.item() == 3 * (dataset.images / 2 - 1).sum().item()


def test_streams() -> None:
    assert [b.tolist() for b in data.DataLoader(Stream(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in data.DataLoader(Stream(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Stream(3), None)) == [0, 1, 2] and len(data.DataLoader(Stream(5), 2)) == 3
    assert list(Stream(2) + Stream(2)) == [0, 1, 0, 1]
    with pytest.raises(ValueError, match="expected unspecified shuffle option, but got shuffle=True"):
        data.DataLoader(Stream(3), shuffle=True)


def test_rows_at_once_equal_rows_one_by_one() -> None:
    rows = data.TensorDataset(torch.arange(20.0).view(10, 2), torch.arange(10))
    part = data.Subset(rows, [9, 3, 5, 1])
    fast = list(data.DataLoader(part, 3))
    slow = list(data.DataLoader(part, 3, collate_fn=lambda batch: data.default_collate(batch)))
    for a, b in zip(fast, slow, strict=True):
        assert [t.tolist() for t in a] == [t.tolist() for t in b]
        assert type(a) is type(b) and [t.dtype for t in a] == [t.dtype for t in b]


DRAWN = [[0.7821, 0.2132, 0.8372, 0], [0.0536, 0.2764, 0.3876, 0], [0.6938, 0.7734, 0.6703, 1], [0.298, 0.1634, 0.0759, 1],
         [0.9888, 0.9257, 0.3733, 0]]
ORDERS = [[0, 4, 1, 5, 2, 6, 3], [2, 0, 3, 4, 5, 1, 6]]


class Drawn(data.Dataset):
    """Draws of all three sources, and who draws."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> tuple:
        return torch.rand(()).item(), random.random(), np.random.rand(), data.get_worker_info().id


class Shared(data.IterableDataset):
    start = 0

    def __iter__(self) -> Iterator[int]:
        worker = data.get_worker_info()
        yield from ((worker.id + 1) * 10 + k for k in range(self.start, 3 + 2 * worker.id))


def test_workers_draw_as_torchs_processes_do() -> None:
    """The numbers are those of torch 2.13 with two worker processes; what this process draws is not touched by them."""
    torch.manual_seed(0)
    loader = data.DataLoader(Drawn(), 2, num_workers=2)
    random.seed(1)
    expected = random.Random(1).random()
    got = [[round(x, 4) for x in row] for batch in loader for row in zip(*[x.tolist() for x in batch], strict=True)]
    assert got == DRAWN
    assert (random.random(), data.get_worker_info()) == (expected, None)


def test_streams_and_orders_with_workers() -> None:
    def start(worker: int) -> None:
        data.get_worker_info().dataset.start = worker       # type: ignore[union-attr]

    batches = [b.tolist() for b in data.DataLoader(Shared(), 2, num_workers=2)]
    assert batches == [[10, 11], [20, 21], [12], [22, 23], [24]]
    assert list(data.DataLoader(Shared(), None, num_workers=2, worker_init_fn=start)) == [10, 21, 11, 22, 12, 23, 24]
    torch.manual_seed(0)
    staying = data.DataLoader(Squares(), 7, shuffle=True, num_workers=1, persistent_workers=True)
    orders = [next(iter(staying))[1].tolist() for _ in range(2)]
    assert orders == ORDERS


class Broken(Squares):
    def __getitem__(self, index: int) -> tuple:
        raise KeyError("no such")


def test_an_error_says_which_worker_it_was() -> None:
    with pytest.raises(KeyError, match=r"^Caught KeyError in DataLoader worker process 0\.\nOriginal Traceback"):
        next(iter(data.DataLoader(Broken(), num_workers=1)))
    with pytest.raises(RuntimeError, match="Cannot assign attributes to WorkerInfo objects"):
        data.DataLoader(Squares(), num_workers=1, worker_init_fn=lambda i: setattr(data.get_worker_info(), "id", 3)).__iter__()


class Gap(Squares):
    def __getitem__(self, index: int) -> int:
        if index == 3:
            raise KeyError(index)
        return index


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pass_goes_on_after_a_batch_that_failed(workers: int) -> None:
    batches = iter(data.DataLoader(Gap(), 2, num_workers=workers))
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(KeyError):
        next(batches)
    assert [b.tolist() for b in batches] == [[4, 5], [6]]


@pytest.mark.parametrize(("workers", "text"), [(0, "samples have been fetched. $"), (2, "For multiprocessing data-loading")])
def test_a_stream_longer_than_its_length_warns_where_that_was_asked_for(workers: int, text: str) -> None:
    class Long(Stream):
        def __len__(self) -> int:
            return 1

    loader = data.DataLoader(Long(2), None, num_workers=workers)
    assert sorted(loader) == sorted([0, 1] * max(workers, 1))
    assert len(loader) == 1
    batches = iter(loader)
    next(batches)
    with pytest.warns(UserWarning, match=rf"was reported to be 1\(when accessing len\(dataloader\)\), but 2 .*{text}"):
        next(batches)


def test_annotations_of_loaders_and_datasets() -> None:
    for cls in (data.DataLoader, data.Subset, data.ConcatDataset, data.StackDataset, data.Dataset, data.DistributedSampler,
                torch.nn.DataParallel):
        assert cls[int].__origin__ is cls


def test_collate() -> None:
    point = namedtuple("point", "x y")
    out = data.default_collate([point(np.ones(2, np.float32), "a"), point(np.zeros(2, np.float32), "b")])
    assert isinstance(out, point) and out.x.dtype == torch.float32 and out.x.shape == (2, 2) and list(out.y) == ["a",
                                                                                                                 "b"]
    assert data.default_collate([np.float32(1), np.float32(2)]).dtype == torch.float32
    assert data.default_convert({"a": np.arange(3), "b": "x"})["a"].tolist() == [0, 1, 2]
    with pytest.raises(TypeError):
        data.default_collate([np.array(["a"]), np.array(["b"])])


def test_composed_datasets() -> None:
    both = Squares() + Squares()
    assert len(both) == 14 and both[8][1] == 1 and both[-1][1] == 6
    stacked = data.StackDataset(a=Squares(), b=Squares())
    assert stacked[2]["b"][1] == 2 and [d["a"][1] for d in stacked.__getitems__([1, 2])] == [1, 2]


@pytest.mark.parametrize(("options", "error", "message"), [
    ({}, ValueError, "can only be used with multi-process loading"),
    ({"num_workers": 1, "multiprocessing_context": "no"}, ValueError, "should specify a valid start method in"),
    ({"num_workers": 1, "multiprocessing_context": 3}, TypeError, "should be a valid context object or a string")])
def test_multiprocessing_context(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        data.DataLoader(Squares(), **{"multiprocessing_context": "spawn", **options})
    assert data.DataLoader(Squares(), num_workers=1, multiprocessing_context="spawn").multiprocessing_context is not None


def test_types_that_collate_is_told_of() -> None:
    class Pair:
        def __init__(self, a: int) -> None:
            self.a = a

    def together(batch: list, *, collate_fn_map: dict | None = None) -> int:
        return sum(x.a for x in batch)
    known, parts = data._utils.collate.default_collate_fn_map, data._utils.collate
    assert known[torch.Tensor] is parts.collate_tensor_fn and known[int]([1, 2]).tolist() == parts.collate_int_fn([1, 2]).tolist()
    assert parts.np_str_obj_array_pattern.search("<U3") and not parts.np_str_obj_array_pattern.search("<f4")
    assert torch._tensor.Tensor is torch.Tensor
    batch = [{"p": Pair(1), "n": 1.5}, {"p": Pair(2), "n": 2.5}]
    got = data._utils.collate.collate(batch, collate_fn_map={**known, Pair: together})
    assert got["p"] == 3 and got["n"].tolist() == [1.5, 2.5]
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists"):
        data.default_collate([Pair(1)])
    known[Pair] = together
    try:
        assert list(data.DataLoader([Pair(1), Pair(2), Pair(3)], batch_size=2)) == [3, 3]
    finally:
        del known[Pair]


def test_arrays_of_which_no_tensor_can_be_made() -> None:
    pattern = data._utils.collate.np_str_obj_array_pattern
    assert [bool(pattern.search(np.array(x).dtype.str)) for x in ("a", b"a", [None], 1.5, True)] == [True, True, True, False, False]
