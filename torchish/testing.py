"""torch.testing, and gradients compared with JAX's own.

In: tensors, functions.  Out: nothing where they agree, AssertionError where they do not; `check_against_jax` returns a report.
Source: https://docs.pytorch.org/docs/stable/testing.html
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from .accumulate import grad
from .dtypes import dtype as Dtype
from .missing import missing
from .tensor import Tensor
from .to_jax import to_jax

__all__ = ["Report", "assert_allclose", "assert_close", "check_against_jax"]

# rtol and atol by dtype, torch's
TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True,
                 check_layout: bool = True, check_stride: bool = False, msg: Any = None) -> None:
    """AssertionError unless the two agree in shape, dtype and, within tolerances that follow from the dtype, values.

    Sequences and mappings are compared item by item.
    """
    if (rtol is None) != (atol is None):
        absent = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or unspecified, but got no {absent}.")
    _compare(actual, expected, (rtol, atol, equal_nan, check_dtype, check_stride, msg))


def _compare(actual: Any, expected: Any, options: tuple) -> None:
    msg = options[5]
    if isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            _fail(f"The keys of the mappings do not match: {sorted(actual)} != {sorted(expected)}", msg)
        for k in expected:
            _compare(actual[k], expected[k], options)
        return
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        if len(actual) != len(expected):
            _fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", msg)
        for a, b in zip(actual, expected, strict=True):
            _compare(a, b, options)
        return
    _compare_values(actual, expected, options)


def _compare_values(actual: Any, expected: Any, options: tuple) -> None:
    rtol, atol, equal_nan, check_dtype, check_stride, msg = options
    kind = "Tensor-likes" if isinstance(expected, Tensor) else "Scalars"
    if isinstance(actual, Tensor) and isinstance(expected, Tensor):
        if tuple(actual.shape) != tuple(expected.shape):
            _fail(f"The values for attribute 'shape' do not match: {actual.shape} != {expected.shape}.", msg)
        if check_dtype and actual.dtype is not expected.dtype:
            _fail(f"The values for attribute 'dtype' do not match: {actual.dtype} != {expected.dtype}.", msg)
        if check_stride and actual.stride() != expected.stride():
            _fail(f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}.", msg)
    a, b = _plain(actual), _plain(expected)
    if rtol is None:
        named = [TOLERANCES.get(_name(x), (0.0, 0.0)) for x in (actual, expected)]
        rtol, atol = max(t[0] for t in named), max(t[1] for t in named)
    if np.allclose(a, b, rtol, atol, equal_nan):
        return
    with np.errstate(all="ignore"):
        close = np.isclose(a, b, rtol, atol, equal_nan)
        absolute = np.abs(a - b)
        relative = absolute / np.abs(b)
    if np.ndim(a) == 0:
        _fail(f"{kind} are not close!\n\nExpected {b.item()} but got {a.item()}.\n"
              f"Absolute difference: {absolute.item()} (up to {atol} allowed)\n"
              f"Relative difference: {relative.item()} (up to {rtol} allowed)", msg)
    wrong = int((~close).sum())
    at = [tuple(int(i) for i in np.unravel_index(np.nanargmax(np.where(close, 0, d)), d.shape)) for d in (absolute, relative)]
    _fail(f"{kind} are not close!\n\nMismatched elements: {wrong} / {a.size} ({wrong / a.size:.1%})\n"
          f"Greatest absolute difference: {absolute[at[0]]} at index {at[0]} (up to {atol} allowed)\n"
          f"Greatest relative difference: {relative[at[1]]} at index {at[1]} (up to {rtol} allowed)", msg)


def _fail(text: str, msg: Any) -> None:
    raise AssertionError(msg(text) if callable(msg) else msg if msg is not None else text)


def _plain(x: Any) -> np.ndarray:
    array = x.detach()._numpy() if isinstance(x, Tensor) else np.asarray(x)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _name(x: Any) -> str:
    if isinstance(x, Tensor):
        return x.dtype.name
    return {float: "float64", complex: "complex128"}.get(type(x), "int64") if not isinstance(x, Dtype) else x.name


def assert_allclose(actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True,
                    msg: str = "") -> None:
    """The older form of assert_close: `expected` may be a number or an array."""
    actual = actual if isinstance(actual, Tensor) else Tensor.new_tensor(expected, actual)
    expected = expected if isinstance(expected, Tensor) else actual.new_tensor(expected)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)


@dataclass(frozen=True, slots=True)
class Report:
    """Largest differences between torchish and JAX: of the values, and of the gradient of each input that requires one."""
    value: float
    gradients: tuple[float, ...]

    @property
    def largest(self) -> float:
        """The largest of all."""
        return max((self.value, *self.gradients))


def check_against_jax(fn: Callable, *inputs: Any, rtol: float = 1e-4, atol: float = 1e-5) -> Report:
    """Compares `fn(*inputs)` and its gradients with `jax.grad` of `to_jax(fn)`; AssertionError where they differ.

    The gradient is that of a fixed weighting of all floating results.
    """
    def weighted(out: Any) -> Any:
        leaves = [x for x in jax.tree_util.tree_leaves(out, is_leaf=lambda x: isinstance(x, Tensor))
                  if isinstance(x, Tensor) and x.dtype.category == 2]
        total: Any = 0
        for k, x in enumerate(leaves):
            weights = np.cos(np.arange(x.numel()) + k).reshape(tuple(x.shape))
            total = total + (x * x.new_tensor(weights)).sum()
        return total

    mine = weighted(fn(*inputs))
    wrt = [k for k, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    got = grad([mine], [inputs[k] for k in wrt], [None], None, False, True, True) if wrt else ()
    arrays = [x.detach()._array() if isinstance(x, Tensor) else x for x in inputs]
    pure = to_jax(lambda *xs: weighted(fn(*xs)))
    with jax.enable_x64(True):
        value, expected = jax.value_and_grad(pure, argnums=tuple(wrt))(*arrays) if wrt else (pure(*arrays), ())
    report = Report(_distance(mine.detach()._numpy(), value),
                    tuple(_distance(g._numpy(), e) for g, e in zip(got, expected, strict=True)))
    np.testing.assert_allclose(mine.detach()._numpy(), value, rtol, atol, err_msg="value")
    for k, g, e in zip(wrt, got, expected, strict=True):
        np.testing.assert_allclose(g._numpy(), e, rtol, atol, err_msg=f"gradient of input {k}")
    return report


def _distance(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)), initial=0.0))


__getattr__ = missing("torch.testing", globals())
