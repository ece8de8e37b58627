"""Ops against the torch that is installed: dtypes, layouts, views, gradients, errors.

In: expressions evaluated by torch and by torchish on the same values.  Out: the same dtypes, shapes, strides, values, gradients and
first sentences, but for what tests/parity/differences.py lists.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parent))

from differences import differs
from op_cases import Factory
from op_golden import asked, assert_same, described, flat_tensors

import torchish

pytestmark = pytest.mark.parity

DTYPES = ("float32", "float64", "int64", "uint8", "bool", "bfloat16", "float16", "complex64")
UNARY = """
exp|expm1|log|log1p|sqrt|rsqrt|sin|cos|tan|asin|atan|sinh|cosh|tanh|sigmoid|erf|abs|neg|sign|sgn|square|reciprocal|ceil|floor|trunc
round|frac|isnan|isfinite|logical_not|relu|sum|mean|prod|amax|amin|argmax|argmin|all|any|cumsum0|cumprod0|softmax0|log_softmax0
logsumexp0|var|std|max|min|median|norm|flatten|ravel|t|clone|nan_to_num|sort|argsort|msort|unique|count_nonzero|tril0|flip0|roll0
nonzero|max0|sum0|mean0|squeeze|unsqueeze0
"""
BINARY = """
x + y|x - y|x * y|x / y|x // y|x % y|x ** y|x == y|x < y|x >= y|t.maximum(x, y)|t.minimum(x, y)|t.fmod(x, y)|t.atan2(x, y)|t.hypot(x, y)
t.logical_and(x, y)|x & y|t.where(x > y, x, y)|t.lerp(x, y, 0.25)|t.addcmul(x, x, y)|t.copysign(x, y)|t.clamp(x, min=y)|t.logaddexp(x, y)
t.div(x, y, rounding_mode="floor")|t.div(x, y, rounding_mode="trunc")|t.true_divide(x, y)|t.pow(x, y)|t.sub(x, y, alpha=2)|t.ne(x, y)
"""
NUMBERS = """
x + 2|x + 0.5|x + True|x * 1j|2 - x|x - 1.5|x / 2|2 / x|x // 2|x % 2|x ** 2|x ** 0.5|2 ** x|1.5 ** x|x == 1|x < 0.5|x & 1|x.clamp(0, 1)
x.clamp(-0.5, 0.5)|x.clamp(min=0.5)|x.add(1, alpha=2)|x.pow(3)|x.true_divide(2)|x.div(2, rounding_mode="trunc")|x.masked_fill(x == 0, 2)
x.add_(1)|x.mul_(1.5)|x.div_(2)|x.clamp_(0, 1)|x.pow_(2)|x.sub_(1)|x.neg_()|x.exp_()|x.fill_(1.5)|x.eq_(1)|x.addcmul_(x, x)|x.__iadd__(0.5)
"""
VIEWS = """
x.t()|x.T|x.mT|x.transpose(0, 1)|x.view(-1)|x.view(6)|x.view(2, 3)|x.view(3, 2)|x.reshape(-1)|x.reshape(3, 2)|x.flatten()|x[0]|x[1:]|x[:, 1]|x[::2]
x[:, ::2]|x[None]|x[..., None]|x[1, 2]|x[-1]|x[:, 1:3]|x.unsqueeze(1)|x.unsqueeze(-1)|x[None].squeeze(0)|x[:1].squeeze()|x.squeeze()|x.expand(4, 2, 3)
x.expand(-1, -1)|x[:, :1].expand(2, 5)|x.permute(1, 0)|x.diagonal()|x.diagonal(1)|x.narrow(1, 1, 2)|x.select(1, 0)|x.unbind(1)|x.split(2, 1)|x.chunk(2, 1)
x.unfold(1, 2, 1)|x.unflatten(1, (3, 1))|x.movedim(0, 1)|x.swapaxes(0, 1)|x.detach()|x.tensor_split(2, 1)|x.contiguous()|x.clone()|x.view_as(x)
x.broadcast_to(2, 2, 3)|t.broadcast_tensors(x, x[0])|x.ravel()|x.adjoint()|x.reshape(2, 3)|x.t().t()|x.t().reshape(-1)|x.t().view(-1)|x[:, 1:].view(-1)
x + 1|x.t() + 1|x.sum(0)|x.t().clone()|x.t().contiguous()|t.empty_like(x)|t.zeros_like(x.t())|x.t() * x.t()
"""
MISTAKES = """
x + t.ones(4)|x @ x|x.view(5)|x.reshape(4, 4)|x.view(-1, -1)|x[5]|x[0, 0, 0]|x[:, 7]|x.sum(3)|x.mean(-4)|x.softmax(2)|t.cat([x, t.ones(2, 2)])|t.cat([])
t.stack([x, t.ones(2)])|t.stack([])|x.expand(3, 3)|x.squeeze(4)|x.unsqueeze(5)|x.transpose(0, 3)|x.permute(0)|x.permute(0, 0)|t.ones(2, 3, 4).t()
t.mm(t.ones(2), x)|t.mv(x, t.ones(2))|t.dot(t.ones(2), t.ones(3))|t.bmm(x, x)|t.addmm(x, x, x)|t.arange(3).mean()|t.ones(3, dtype=t.bool) - t.ones(3, dtype=t.bool)
-t.ones(3, dtype=t.bool)|t.arange(3).add_(0.5)|x.add_(t.ones(4, 2, 3))|t.arange(3) ** -1|x.gather(2, t.zeros(1, 1, dtype=t.int64))|x.gather(0, t.zeros(1, 1))
x.index_select(0, t.ones(1))|x.scatter(0, t.zeros(5, 5, dtype=t.int64), x)|x.masked_fill(t.ones(2, 3), 1.0)|x.masked_select(t.ones(2, 3))|t.where(x, x, x)
x.split(0)|x.split([1, 2])|x.chunk(0)|x.unflatten(1, (2, 2))|x.narrow(0, 1, 5)|x.select(0, 9)|x.item()|bool(x)|float(x)|int(x)|x.backward()|x.sum().backward()
w.backward()|(w * 2).numpy()|w.add_(1)|w.requires_grad_(False).sum().backward()|x.to("nowhere")|t.zeros(-1)|t.arange(0, 1, -1)|t.arange(0, 1, 0)|t.eye(-1)
t.linspace(0, 1, -1)|t.full((2,), x)|t.tensor([[1, 2], [3]])|t.tensor("a")|len(t.tensor(1))|t.tensor(1)[0]|[*t.tensor(1)]|x[1.5]|x["a"]|x[t.ones(5, dtype=t.bool)]
x[t.ones(2)]|x.topk(9)|x.kthvalue(9)|x.sort(5)|t.einsum("ij,jk", x, x)|t.einsum("ij->ik", x)|t.einsum("ijk", x)|t.tensordot(x, x, 1)|t.cross(x, x, dim=0)|t.diag(t.ones(1, 1, 1))
F.linear(x, t.ones(4, 4))|F.conv2d(x, x)|F.conv2d(t.ones(1, 1, 4, 4), t.ones(1, 2, 3, 3))|F.conv1d(t.ones(1, 1, 2), t.ones(1, 1, 3))|F.cross_entropy(x, t.zeros(3, dtype=t.int64))
F.cross_entropy(x, t.zeros(2))|F.nll_loss(x, t.zeros(3, dtype=t.int64))|F.binary_cross_entropy_with_logits(x, t.ones(3))|F.binary_cross_entropy(x.sigmoid(), t.ones(3))
F.mse_loss(x, x, reduction="nothing")|F.layer_norm(x, (4,))|F.batch_norm(x[:1], None, None, training=True)|F.embedding(x, x)|F.max_pool2d(x, 2)|F.avg_pool2d(t.ones(1, 1, 1, 1), 2)
F.pad(x, (1,))|F.one_hot(x)|F.one_hot(t.tensor([3]), 2)|F.glu(x)|F.dropout(x, 2.0)|t.max(t.ones(0))|t.argmax(t.ones(0))|t.ones(0).amax()|x.argmax(4)|t.median(t.ones(0))
x.to(t.complex64) < 1|x.to(t.complex64).max()|x.repeat(2)|x.flip(3)|x.roll(1, 4)|x.cumsum(4)|x.unfold(1, 9, 1)
x.index_add(0, t.tensor([0, 1, 2]), x)|x.index_put((t.tensor([0, 1, 2]), t.tensor([0, 1])), t.tensor(1.0))|x.copy_(t.ones(4))|x.expand(2, 2, 3).add_(1)|x.diagonal(0, 0, 0)
t.autograd.grad(x.sum(), x)|t.autograd.grad((w * 2), w)|t.autograd.grad(w.sum(), x)|x.requires_grad_().view(-1).add_(1)|n.requires_grad_()|t.ones(2, dtype=t.int64, requires_grad=True)
x.lerp(n, 0.5)|t.addcdiv(n, n, n)|x.clamp()|t.add(1, "a")|x + "a"|x + None|t.cat(x)|t.stack(x)|t.matmul(x, 2)|t.exp(1.0)|t.relu([1])
"""


def listed(text: str) -> list[str]:
    """Expressions divided by bars and lines."""
    return [e for line in text.strip().splitlines() for e in line.split("|")]


def to_torch(array: np.ndarray) -> torch.Tensor:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(np.array(array.view(np.int16))).view(torch.bfloat16)
    return torch.empty(array.shape, dtype=getattr(torch, array.dtype.name)).copy_(torch.from_numpy(np.array(array)))


def layouts(make: Any, dtype: str, seed: int = 0) -> Iterator[tuple[str, Any]]:
    """Tensors of every kind of layout: their values are fixed by dtype and seed."""
    f = Factory(dtype)
    plain = make(f(2, 3, low=-2, high=3, seed=seed))
    yield "plain", plain
    yield "0-dim", make(f(low=-2, high=3, seed=seed))
    yield "empty", make(f(2, 0, seed=seed))
    yield "transposed", make(f(3, 2, low=-2, high=3, seed=seed)).t()
    yield "expanded", make(f(2, 1, low=-2, high=3, seed=seed)).expand(2, 3)
    yield "sliced", make(f(4, 6, low=-2, high=3, seed=seed))[::2, 1:4]


def both(expression: str, theirs: dict, ours: dict) -> tuple[Any, Any]:
    """The results of torch and torchish, or {"error": ...}."""
    code = compile(expression, "<expression>", "eval")
    return (asked(lambda: eval(code, {"t": torch, "F": torch.nn.functional, **theirs})),
            asked(lambda: eval(code, {"t": torchish, "F": torchish.nn.functional, **ours})))


def unequal(name: str, at: str, theirs: Any, ours: Any, values: bool = True, tolerance: float | None = None) -> str | None:
    """What differs, unless it is listed; errors must be of the same class and begin alike."""
    failed = [isinstance(r, dict) and "error" in r for r in (theirs, ours)]
    if any(failed):
        if theirs == ours or differs(name, at, theirs, ours):
            return None
        return f"{at}: torch {theirs if failed[0] else 'accepts'}, here {ours if failed[1] else 'accepted'}"
    try:
        wanted, found = (described(r, values) for r in (theirs, ours))
        if values:
            assert_same(wanted, found, at, tolerance)
        else:
            assert wanted == found, f"torch {wanted}, here {found}"
    except (AssertionError, KeyError) as e:
        return None if differs(name, at, theirs, ours) else f"{at}: {' '.join(str(e).split())[:300]}"
    return None


def call(name: str) -> str:
    """A method call; a digit at the end of the name is its argument."""
    if name == "flip0":
        return "x.flip((0,)) if x.ndim else x"
    return f"x.{name[:-1]}(0)" if name[-1] == "0" else f"x.{name}()"


@pytest.mark.parametrize("name", listed(UNARY))
def test_one_operand(name: str) -> None:
    """Every dtype and layout: values, dtypes, shapes; gradients for floats."""
    compare(call(name), name)


@pytest.mark.parametrize("expression", listed(NUMBERS))
def test_with_a_number(expression: str) -> None:
    """A Python number and a tensor of every dtype and layout."""
    compare(expression, expression)


def compare(expression: str, name: str) -> None:
    results = []
    for dtype in DTYPES:
        theirs, ours = layouts(to_torch, dtype), layouts(torchish.tensor, dtype)
        for (kind, a), (_, b) in zip(theirs, ours, strict=True):
            if dtype in ("float32", "float64", "complex64") and "_(" not in expression and "__" not in expression:
                a, b = a.requires_grad_(), b.requires_grad_()
            found = both(expression, {"x": a}, {"x": b})
            results.append((f"{dtype} {kind}", *found))
            if a.requires_grad and not any(isinstance(r, dict) for r in found):
                results.append((f"{dtype} {kind} gradient", asked(lambda a=a, r=found[0]: slopes(torch, r, a)),
                                asked(lambda b=b, r=found[1]: slopes(torchish, r, b))))
    wrong = [w for at, a, b in results if (w := unequal(name, at, a, b))]
    assert not wrong, "\n".join([expression, *wrong])


def slopes(t: Any, result: Any, x: Any) -> Any:
    """The gradient of the sum of a result, None where there is none."""
    roots = [r for r in flat_tensors(result) if r.requires_grad]
    if not roots:
        return None
    found = t.autograd.grad(roots, [x], [t.ones_like(r) for r in roots], allow_unused=True, retain_graph=True)[0]
    return None if found is None else found + 0     # torch has zeros without storage


@pytest.mark.parametrize("expression", listed(BINARY))
def test_two_operands(expression: str) -> None:
    """Every pair of dtypes, and every pair of layouts (broadcast) for one dtype."""
    results = []
    for one in DTYPES:
        for other in DTYPES:
            for shapes in (((2, 3), (2, 3)), ((2, 3), ())):
                arrays = {k: Factory(d)(*s, low=1, high=4, seed=i) for i, (k, d, s) in
                          enumerate(zip("xy", (one, other), shapes, strict=True))}
                found = both(expression, {k: to_torch(a) for k, a in arrays.items()},
                             {k: torchish.tensor(a) for k, a in arrays.items()})
                results.append((f"{one}{list(shapes[0])} {other}{list(shapes[1])}", *found))
    for (k1, a), (_, b) in zip(layouts(to_torch, "float64"), layouts(torchish.tensor, "float64"), strict=True):
        for (k2, c), (_, d) in zip(layouts(to_torch, "float64", 1), layouts(torchish.tensor, "float64", 1), strict=True):
            given = [{"x": p.requires_grad_(), "y": q.requires_grad_()} for p, q in ((a, c), (b, d))]
            found = both(expression, *given)
            results.append((f"{k1} {k2}", *found))
            for v in "xy":
                results.append((f"{k1} {k2} gradient of {v}", asked(lambda v=v, r=found[0], g=given[0]: slopes(torch, r, g[v])),
                                asked(lambda v=v, r=found[1], g=given[1]: slopes(torchish, r, g[v]))))
    wrong = [w for at, a, b in results if (w := unequal(expression, at, a, b))]
    assert not wrong, "\n".join([expression, *wrong])


@pytest.mark.parametrize("expression", listed(VIEWS))
def test_views(expression: str) -> None:
    """Strides, contiguity and whether the result is a view of x."""
    def seen(result: Any, x: Any) -> Any:
        if isinstance(result, dict):
            return result
        return [[list(r.shape), list(r.stride()), r.is_contiguous(), r._is_view(), r is x] for r in flat_tensors(result)]
    for (kind, a), (_, b) in zip(layouts(to_torch, "float32"), layouts(torchish.tensor, "float32"), strict=True):
        theirs, ours = both(expression, {"x": a}, {"x": b})
        wanted, found = seen(theirs, a), seen(ours, b)
        assert wanted == found or differs(expression, kind, wanted, found), f"{kind}: torch {wanted}, here {found}"


@pytest.mark.parametrize("expression", listed(MISTAKES))
def test_mistakes(expression: str) -> None:
    """Bad input is refused at the call, with torch's class and first sentence."""
    def given(t: Any) -> dict:
        return {"x": t.ones(2, 3), "w": t.ones(3, requires_grad=True), "n": t.arange(3)}
    theirs, ours = both(expression, given(torch), given(torchish))
    wrong = unequal(expression, "", theirs, ours)
    assert not wrong, wrong
