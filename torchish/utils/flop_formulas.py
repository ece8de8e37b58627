"""How many floating point operations an operator of ATen takes: a product of matrices 2 m n k, everything else nothing.

In: shapes.  Out: numbers; the registry of formulas by operator, to which scripts add their own.
Source: https://docs.pytorch.org/docs/stable/_modules/torch/utils/flop_counter.html
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from typing import Any

from ..library.aten import AtenPacket
from ..library.operators import OpOverloadPacket, namespace_of
from ..tensor import Tensor
from ._pytree import tree_map

__all__ = ["flop_registry", "register_flop_formula", "shape_wrapper"]

aten = namespace_of("aten")
flop_registry: dict[Any, Callable] = {}


def get_shape(value: Any) -> Any:
    """The shape of a tensor; anything else as it is."""
    return value.shape if isinstance(value, Tensor) else value


def shape_wrapper(formula: Callable) -> Callable:
    """A formula of shapes as one of tensors: it gets `out_shape` for `out_val`."""
    @wraps(formula)
    def of_tensors(*args: Any, out_val: Any = None, **kwargs: Any) -> int:
        args, kwargs, out_shape = tree_map(get_shape, (args, kwargs, out_val))
        return formula(*args, out_shape=out_shape, **kwargs)
    return of_tensors


def register_flop_formula(targets: Any, get_raw: bool = False) -> Callable[[Callable], Callable]:
    """Decorates the formula of one or several operators (`torch.ops.aten.add`): `formula(*args, out_shape, **kwargs)` with shapes
    in place of tensors; with `get_raw` it gets the tensors, and `out_val`.

    ValueError: a target that is no operator.  RuntimeError: one that has a formula.
    """
    def register(formula: Callable) -> Callable:
        counted = formula if get_raw else shape_wrapper(formula)
        for target in targets if isinstance(targets, (list, tuple)) else (targets,):
            if not isinstance(target, (AtenPacket, OpOverloadPacket)):
                raise ValueError("register_flop_formula(targets): expected each target to be OpOverloadPacket (i.e. "
                                 f"torch.ops.mylib.foo), JitFunction, or HigherOrderOperator, got {target} which is of type "
                                 f"{type(target)}")
            if target in flop_registry:
                raise RuntimeError(f"duplicate registrations for {target}")
            flop_registry[target] = counted
        return counted
    return register


def _multiplied(a: Sequence[int], b: Sequence[int]) -> int:
    """(*, m, k) times (*, k, n)."""
    *batch, m, k = a
    rows, n = b[-2:]
    if k != rows or len(a) != len(b):
        raise AssertionError(f"matrix multiply: {tuple(a)} and {tuple(b)} do not fit")
    return prod(batch) * m * n * 2 * k


@register_flop_formula(aten.mm)
def mm_flop(a_shape: Any, b_shape: Any, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """(m, k) times (k, n)."""
    return _multiplied(a_shape, b_shape)


@register_flop_formula(aten.addmm)
def addmm_flop(self_shape: Any, a_shape: Any, b_shape: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """The product alone."""
    return _multiplied(a_shape, b_shape)


@register_flop_formula(aten.bmm)
def bmm_flop(a_shape: Any, b_shape: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """(b, m, k) times (b, k, n)."""
    return _multiplied(a_shape, b_shape)


@register_flop_formula(aten.baddbmm)
def baddbmm_flop(self_shape: Any, a_shape: Any, b_shape: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """The product alone."""
    return _multiplied(a_shape, b_shape)


@register_flop_formula(aten._scaled_mm)
def _scaled_mm_flop(a_shape: Any, b_shape: Any, scale_a_shape: Any, scale_b_shape: Any, *args: Any, out_shape: Any = None,
                    **kwargs: Any) -> int:
    """(m, k) times (k, n)."""
    return _multiplied(a_shape, b_shape)


def conv_flop_count(x_shape: Sequence[int], w_shape: Sequence[int], out_shape: Sequence[int], transposed: bool = False) -> int:
    """Each place of the output (transposed: of the input) times the whole filter: x (N, C, *), w (c_out, c_in, *kernel)."""
    return x_shape[0] * prod((x_shape if transposed else out_shape)[2:]) * prod(w_shape) * 2


@register_flop_formula([aten.convolution, aten._convolution])
def conv_flop(x_shape: Any, w_shape: Any, _bias: Any, _stride: Any, _padding: Any, _dilation: Any, transposed: bool, *args: Any,
              out_shape: Any = None, **kwargs: Any) -> int:
    """A convolution, its bias left out."""
    return conv_flop_count(x_shape, w_shape, out_shape, transposed)


@register_flop_formula(aten.convolution_backward)
def conv_backward_flop(grad_out_shape: Any, x_shape: Any, w_shape: Any, _bias: Any, _stride: Any, _padding: Any, _dilation: Any,
                       transposed: bool, _output_padding: Any, _groups: int, output_mask: Sequence[bool], out_shape: Any) -> int:
    """The gradients that the mask asks for: of the input a convolution by the filter, of the filter one of both images.

    That of the filter is counted as if there were one group, as PyTorch does.
    """
    count = 0
    if output_mask[0]:
        count += conv_flop_count(grad_out_shape, w_shape, x_shape, not transposed)
    if output_mask[1]:
        places = prod((x_shape if transposed else grad_out_shape)[2:])
        count += 2 * x_shape[0] * x_shape[1] * grad_out_shape[1] * prod(w_shape[2:]) * places
    return count


def sdpa_flop_count(query_shape: Sequence[int], key_shape: Sequence[int], value_shape: Sequence[int]) -> int:
    """Attention (b, h, s, d): the scores and their product with the values."""
    b, h, s_q, d_q = query_shape
    s_k, d_v = key_shape[2], value_shape[3]
    return _multiplied((b * h, s_q, d_q), (b * h, d_q, s_k)) + _multiplied((b * h, s_q, s_k), (b * h, s_k, d_v))


def sdpa_backward_flop_count(grad_out_shape: Sequence[int], query_shape: Sequence[int], key_shape: Sequence[int],
                             value_shape: Sequence[int]) -> int:
    """Its gradients where the scores are computed again: five products."""
    b, h, s_q, d_q = query_shape
    s_k, d_v = key_shape[2], value_shape[3]
    scores, values = 2 * b * h * s_q * s_k * d_q, 2 * b * h * s_q * s_k * d_v
    return 3 * scores + 2 * values
