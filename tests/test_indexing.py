"""x[...] and x[...] = v against numpy, for indices made at random.

In: ints, slices, None, ..., lists, integer arrays that broadcast, and masks, mixed.  Out: the elements that numpy gives, a
gradient of one for each time an element was taken, and the writes that numpy makes.  The one difference: torch applies ints,
slices and None first, so that an int does not take part in where the dimensions of arrays go.
"""
from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import torchish as torch
from torchish.tape import state

SHAPE = (3, 4, 5)
BROADCAST = (((2,), (2,)), ((2, 1), (3,)), ((1,), (3,)), ((), (2,)))
quick = settings(max_examples=70, deadline=None, derandomize=True, database=None)


@st.composite
def slices(draw: Any, n: int) -> slice:
    bound = st.none() | st.integers(-n - 1, n + 1)
    return slice(draw(bound), draw(bound), draw(st.sampled_from((None, 1, 2, 3))))


@st.composite
def indices(draw: Any, repeats: bool = True) -> tuple:
    """An index of a tensor of SHAPE; without `repeats` no element comes twice."""
    shapes = list(draw(st.sampled_from(BROADCAST))) if repeats else [(2,)]
    ellipsis, items, dim, masked = draw(st.integers(0, 4)), [], 0, draw(st.booleans())
    while dim < len(SHAPE):
        if draw(st.integers(0, 5)) == 0:
            items.append(None)
        if len(items) == ellipsis and Ellipsis not in [i for i in items if not isinstance(i, np.ndarray)]:
            items.append(Ellipsis)
            dim += draw(st.integers(0, len(SHAPE) - dim))
            continue
        n = SHAPE[dim]
        kind = draw(st.sampled_from(("int", "slice", "slice", "full", "array", "array", "stop")))
        if kind == "stop":
            break
        if kind == "int":
            items.append(draw(st.integers(-n, n - 1)))
        elif kind == "array" and masked and shapes:
            rank = draw(st.integers(1, min(2, len(SHAPE) - dim)))
            items.append(np.array(draw(st.lists(st.booleans(), min_size=60, max_size=60)))
                         [:np.prod(SHAPE[dim:dim + rank])].reshape(SHAPE[dim:dim + rank]))
            shapes, dim = [], dim + rank - 1
        elif kind == "array" and shapes:
            size = int(np.prod(shapes[0]))
            places = draw(st.lists(st.integers(0, n - 1), min_size=size, max_size=size, unique=not repeats))
            signs = draw(st.lists(st.booleans(), min_size=size, max_size=size))
            items.append(np.array([p - n if s else p for p, s in zip(places, signs, strict=True)], np.int64).reshape(shapes.pop(0)))
        else:
            items.append(draw(slices(n)) if kind == "slice" else slice(None))
        dim += 1
    return tuple(items)


def two_steps(index: tuple) -> tuple[tuple, tuple]:
    """The index as numpy takes it: first what makes a view, then arrays."""
    used = sum(i.ndim if isinstance(i, np.ndarray) and i.dtype == bool else 1 for i in index if i is not None and i is not Ellipsis)
    first, then = [], []
    for i in index:
        if i is Ellipsis:
            first += [slice(None)] * (len(SHAPE) - used)
            then += [slice(None)] * (len(SHAPE) - used)
        elif isinstance(i, np.ndarray) and i.ndim:
            first += [slice(None)] * (i.ndim if i.dtype == bool else 1)
            then.append(i)
        else:
            first.append(int(i) if isinstance(i, np.ndarray) else i)
            if i is None or isinstance(i, slice):
                then.append(slice(None))
    return tuple(first), tuple(then)


def taken(x: np.ndarray, index: tuple) -> np.ndarray:
    first, then = two_steps(index)
    return x[first][then]


def given_as(index: tuple, how: str) -> tuple:
    """The arrays of an index as arrays, tensors, or lists of numbers."""
    make = {"array": lambda a: a, "tensor": torch.tensor, "list": lambda a: a.tolist()}[how]
    return tuple(make(i) if isinstance(i, np.ndarray) else i for i in index)


@quick
@given(index=indices(), how=st.sampled_from(("array", "tensor", "list")))
def test_reading(index: tuple, how: str) -> None:
    """The elements that numpy gives; each has a gradient of as many ones as it was taken."""
    x = np.arange(60.0).reshape(SHAPE)
    wanted = taken(x, index)
    weights = np.cos(np.arange(wanted.size) + 1.0).reshape(wanted.shape)
    counts = np.zeros(60)
    np.add.at(counts, wanted.astype(int).reshape(-1), weights.reshape(-1))

    leaf = torch.tensor(x, requires_grad=True)
    found = leaf[given_as(index, how)]
    (found * torch.tensor(weights)).sum().backward()
    assert tuple(found.shape) == wanted.shape
    np.testing.assert_array_equal(found.detach().numpy(), wanted)
    np.testing.assert_allclose(leaf.grad.numpy(), counts.reshape(SHAPE), atol=1e-12)


@quick
@given(index=indices(repeats=False), how=st.sampled_from(("array", "tensor", "list")),
       value=st.sampled_from(("number", "row", "whole")))
def test_writing(index: tuple, how: str, value: str) -> None:
    """The same elements are replaced, by a number or by what broadcasts; nothing else changes."""
    x = np.arange(60.0).reshape(SHAPE)
    part = taken(x, index)
    shape = {"number": (), "row": part.shape[-1:], "whole": part.shape}[value]
    new = -1.0 - np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    wanted = x.reshape(-1).copy()
    wanted[part.astype(int).reshape(-1)] = np.broadcast_to(new, part.shape).reshape(-1)

    found = torch.tensor(x)
    found[given_as(index, how)] = float(new) if value == "number" else torch.tensor(new)
    np.testing.assert_array_equal(found.numpy(), wanted.reshape(SHAPE))


@pytest.mark.parametrize(("index", "message"), [
    (3, "index 3 is out of bounds for dimension 0 with size 3"),
    ((0, -5), "index -5 is out of bounds for dimension 1 with size 4"),
    ((0, 0, 0, 0), "too many indices for tensor of dimension 3"),
    ([5], "index 5 is out of bounds for dimension 0 with size 3"),
    (([0, 1], [0, 1, 2]), "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]"),
    ([True, False], "The shape of the mask [2] at index 0 does not match the shape of the indexed tensor [3, 4, 5] at index 0"),
    (1.0, "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got float)"),
])
def test_refused(index: Any, message: str) -> None:
    """What does not fit is refused with torch's words, whether it is read or written."""
    x = torch.zeros(SHAPE)
    with pytest.raises(IndexError) as read:
        x[index]
    assert str(read.value) == message
    with pytest.raises(IndexError) as written:
        x[index] = 1.0
    assert str(written.value) == message


def test_known_places_are_checked() -> None:
    """A tensor of places whose values are known is checked when the entry is new."""
    x, far = torch.zeros(SHAPE), torch.tensor([0, 7])
    for asked in (lambda: x[far], lambda: x[:, far], lambda: x.index_select(0, far), lambda: x.index_fill(0, far, 1.0)):
        with pytest.raises(IndexError):
            asked()
    for asked in (lambda: x.gather(0, torch.tensor([[[7]]])), lambda: x.index_add(1, far, x[:, :2])):
        with pytest.raises(RuntimeError, match="index 7 is out of bounds"):
            asked()


READERS: dict[str, Any] = {
    "embedding": lambda w, x, i: torch.nn.functional.embedding(i, w), "index": lambda w, x, i: w[i],
    "index_select": lambda w, x, i: w.index_select(0, i), "gather": lambda w, x, i: w.gather(0, i[:, None]),
    "take": lambda w, x, i: w.take(i), "cross_entropy": lambda w, x, i: torch.nn.functional.cross_entropy(x, i),
    "nll_loss": lambda w, x, i: torch.nn.functional.nll_loss(x, i)}


@pytest.mark.parametrize("name", READERS)
def test_an_index_outside_is_refused_where_it_is_known_and_reads_nan_elsewhere(name: str) -> None:
    weight, scores = torch.arange(12.0).reshape(4, 3).requires_grad_(), torch.ones(2, 4)
    indices = [torch.tensor(i) for i in ([0, 1], [1, 2], [2, 1], [3, 0], [1, 13], [2, -14], [1, 2])]
    lazily, at_once = [], []
    for i in indices:
        lazily.append(READERS[name](weight, scores, i + 0).sum().item())
        if name != "gather":        # its index is a view here, whose values are not there yet
            try:
                at_once.append(READERS[name](weight, scores, i).sum().item())
            except IndexError as e:
                at_once.append(str(e))
    assert [math.isnan(v) for v in lazily] == [False] * 4 + [True] * 2 + [False]
    assert [v.__class__ for v in at_once] in ([float] * 4 + [str] * 2 + [float], [])


def test_a_value_that_does_not_fit_is_told_before_its_dtype() -> None:
    x = torch.arange(4)
    for index in (x > -1, torch.tensor([0, 1, 2, 3])):
        with pytest.raises(RuntimeError, match="shape mismatch: value tensor of shape \\[3\\] cannot be broadcast"):
            x[index] = torch.tensor([1., 2., 3.])
        with pytest.raises(RuntimeError, match="Index put requires the source and destination dtypes match, got Long"):
            x[index] = torch.tensor([1., 2., 3., 4.])
    assert x.tolist() == [0, 1, 2, 3]


def test_one_value_in_any_number_of_dimensions_goes_where_a_mask_is() -> None:
    for mask in (torch.tensor(True), torch.tensor(1, dtype=torch.uint8)):
        x = torch.tensor(3.)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x[mask] = torch.ones(1, 1, 1)
        assert x.item() == 1


def test_a_number_that_is_written_is_a_number_of_the_tape():
    x, y = torch.zeros(3, 4) * 2, torch.zeros(3, dtype=torch.int64) * 2
    x[1], x[2, 0], y[0], y[1:] = 5.0, float("inf"), 7, True
    assert not state.tape.args          # no array was made of them
    assert x.tolist() == [[0] * 4, [5] * 4, [float("inf"), 0, 0, 0]]
    assert y.tolist() == [7, 1, 1]
    for k in range(4):                  # one that changes is an input from the second time on
        x[0, k] = k + 0.5
        assert x[0, k].item() == k + 0.5
    with pytest.raises(RuntimeError, match="cannot be converted to type float without overflow"):
        x[0] = 1e300


def test_all_of_a_tensor_is_an_alias():
    for shape in ((), (2,), (2, 3)):
        x = torch.zeros(shape, requires_grad=True)
        for view in (x[...], x[()]):
            assert type(view.grad_fn).__name__ == "AliasBackward0" and view.shape == shape and view._base is x
        y = torch.zeros(shape)
        y[...] = 3
        y[()] += 1
        assert y.sum().item() == 4 * y.numel()


def test_one_number_may_come_from_where_it_is_written():
    x = torch.arange(9.0).reshape(3, 3)
    x[0] = x[0, 1]
    x[:, 2] = x[1:2, 2:3]
    assert x.tolist() == [[1, 1, 5], [3, 4, 5], [6, 7, 5]]
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to tensor refer to a single memory"):
        x[1:] = x[:-1]
