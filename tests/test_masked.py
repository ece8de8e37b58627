"""torch.masked: reductions and normalizations that leave out what a mask does not select; the values are PyTorch's."""
from __future__ import annotations

import math
from typing import Any

import pytest

import torchish as torch
from torchish import masked

X = torch.tensor([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]])
M = torch.tensor([[True, False, True], [False, False, False]])
NAN, INF = math.nan, math.inf

REDUCED = [
    ("sum", (1,), {}, [3, 0]), ("prod", (1,), {}, [2, 1]), ("amax", (1,), {}, [2, -INF]), ("amin", (1,), {}, [1, INF]),
    ("argmax", (1,), {}, [2, 0]), ("argmin", (1,), {}, [0, 0]), ("mean", (1,), {}, [1.5, NAN]), ("mean", ((),), {}, 1.5),
    ("median", (1,), {}, [1, NAN]), ("var", (1,), {}, [0.5, NAN]), ("var", (1, False), {}, [0.25, NAN]),
    ("std", (1,), {}, [0.5 ** 0.5, NAN]), ("norm", (2.0, 1), {}, [5 ** 0.5, 0]), ("norm", (-INF, 1), {}, [1, INF]),
    ("logsumexp", (1,), {}, [math.log(math.e + math.e ** 2), -INF]), ("sum", (0,), {"keepdim": True}, [[1, 0, 2]]),
    ("cumsum", (1,), {}, [[1, 1, 3], [0, 0, 0]]), ("cumprod", (1,), {}, [[1, 1, 2], [1, 1, 1]]),
    ("softmax", (1,), {}, [[1 / (1 + math.e), 0, math.e / (1 + math.e)], [NAN] * 3]),
    ("softmin", (1,), {}, [[math.e / (1 + math.e), 0, 1 / (1 + math.e)], [NAN] * 3]),
    ("normalize", (1.0, 1), {}, [[1 / 3, 0, 2 / 3], [0, 0, 0]]),
]


def test_values_under_a_mask() -> None:
    """Elements that are masked out change nothing; rows of which nothing is left give the neutral value, or NaN."""
    found = [getattr(masked, name)(X, *args, mask=M, **kwargs) for name, args, kwargs, _ in REDUCED]
    for (name, _, _, wanted), x in zip(REDUCED, found, strict=True):
        torch.testing.assert_close(x, torch.tensor(wanted, dtype=torch.float32), equal_nan=True, msg=name)


def test_without_a_mask_dtypes_and_gradients() -> None:
    """Without a mask they are the plain functions; sums of small integers are int64; gradients reach what counts."""
    n = torch.tensor([[3, 1], [2, 2]], dtype=torch.int32)
    facts = [(masked.sum(n), torch.int64, 8), (masked.prod(n), torch.int64, 12), (masked.amax(n), torch.int32, 3),
             (masked.cumsum(n, 0).sum(), torch.int64, 12), (masked.argmax(n, dtype=torch.int16), torch.int16, 0),
             (masked.var(n), torch.float32, 2 / 3), (masked.median(n, 0).sum(), torch.int64, 3),
             (masked.mean(n.double()), torch.float64, 2), (masked.norm(n.float(), 1), torch.float32, 8)]
    for found, dtype, value in facts:
        assert (found.dtype, found.item()) == (dtype, pytest.approx(value))
    x = X.clone().requires_grad_()
    (masked.amax(x, 1, mask=M)[0] + masked.mean(x, 0, mask=M)[2] + masked.logaddexp(x, x, input_mask=M).detach().sum()).backward()
    assert x.grad.tolist() == [[0, 0, 2], [0, 0, 0]]


@pytest.mark.parametrize("call,error,sentence", [
    (lambda: masked.sum(X, mask=M[None]), IndexError, "_input_mask expected broadcastable mask"),
    (lambda: masked.amax(X > 0, mask=M), NotImplementedError, "identity of amax on torch.bool input"),
    (lambda: masked.mean(X.long()), ValueError, r"mean\(\): Could not infer output dtype\. Input dtype"),
    (lambda: masked.median(X.long(), 1, mask=M), ValueError, "masked median expects no fully masked out rows"),
    (lambda: masked.var(X, 1, True, correction=1), AssertionError, "Only one of unbiased and correction may be given"),
    (lambda: masked.sum(X, (0, 0)), RuntimeError, "dim=0 appears multiple times in the list of dims"),
    (lambda: masked.softmax(X, 4, mask=M), IndexError, "Dimension out of range"),
    (lambda: masked._input_mask(X), ValueError, "_input_mask requires explicit mask"),
    (lambda: masked._output_mask(3, X), ValueError, "_output_mask expected masked operation"),
    (lambda: masked.masked_tensor, AttributeError, "Out of scope: masked tensors"),
])
def test_refusals(call: Any, error: type[Exception], sentence: str) -> None:
    """PyTorch's classes and first sentences."""
    with pytest.raises(error, match=sentence):
        call()


def test_masks_of_results() -> None:
    """Which results have any element."""
    facts = [(masked.sum, (1,), {}, [True, False]), (masked.sum, (), {"keepdim": True}, [[True]]), (masked.argmax, (), {}, True),
             (masked.norm, (2.0, 0), {}, [True, False, True]), (masked.softmax, (1,), {}, M.tolist())]
    for function, args, kwargs, wanted in facts:
        assert masked._output_mask(function, X, *args, mask=M, **kwargs).tolist() == wanted
