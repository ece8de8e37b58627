"""torch.testing, and gradients compared with JAX's own.

In: tensors, functions.  Out: nothing where they agree, AssertionError where they do not; `check_against_jax` returns a report.
Source: https://docs.pytorch.org/docs/stable/testing.html
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from .accumulate import grad
from .closeness import assert_allclose, assert_close
from .missing import missing
from .random_tensors import make_tensor
from .tensor import Tensor
from .to_jax import to_jax

__all__ = ["Report", "assert_allclose", "assert_close", "check_against_jax", "make_tensor"]

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

    The gradient is that of a fixed weighting of all floating and complex results.
    """
    def weighted(out: Any) -> Tensor:
        leaves = [x for x in jax.tree_util.tree_leaves(out, is_leaf=lambda x: isinstance(x, Tensor))
                  if isinstance(x, Tensor) and x.dtype.category >= 2]
        if not leaves:
            raise ValueError("check_against_jax(): the function returns no tensor of a floating or complex dtype")
        # both halves of a complex result
        parts = [part for x in leaves for part in ([x.real, x.imag] if x.is_complex() else [x])]
        return sum((x * x.new_tensor(np.cos(np.arange(x.numel()) + k).reshape(tuple(x.shape)))).sum() for k, x in enumerate(parts))

    mine = weighted(fn(*inputs))
    wrt = [k for k, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    got = grad([mine], [inputs[k] for k in wrt], [None], None, False, True, True) if wrt else ()
    arrays = [x.detach()._array() if isinstance(x, Tensor) else x for x in inputs]
    pure = to_jax(lambda *xs: weighted(fn(*xs)))
    with jax.enable_x64(True):
        value, expected = jax.value_and_grad(pure, argnums=tuple(wrt))(*arrays) if wrt else (pure(*arrays), ())
        expected = [np.conj(e) for e in expected]       # torch's convention for complex inputs
    report = Report(_distance(mine.detach()._numpy(), value),
                    tuple(_distance(g._numpy(), e) for g, e in zip(got, expected, strict=True)))
    np.testing.assert_allclose(mine.detach()._numpy(), value, rtol, atol, err_msg="value")
    for k, g, e in zip(wrt, got, expected, strict=True):
        np.testing.assert_allclose(g._numpy(), e, rtol, atol, err_msg=f"gradient of input {k}")
    return report


def _distance(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.asarray(a, np.complex128) - np.asarray(b, np.complex128)), initial=0.0))


__getattr__ = missing("torch.testing", globals())
