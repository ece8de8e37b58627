"""Sparse tensors as text, as Python values, copied and pickled.

In: sparse tensors.  Out: what torch gives or refuses.
"""
from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..namespace import namespace as t
from ..ops.check import require
from ..printing import format_tensor
from ..tensor import Tensor
from .calls import call
from .coo import SparseTensor, dense, made

__all__ = ["rebuilt"]


@call("item")
def item(self: SparseTensor) -> Any:
    require(self._node.aval.numel == 1, f"a Tensor with {self._node.aval.numel} elements cannot be converted to Scalar")
    return dense(self).item()


@call("numpy")
def numpy(self: SparseTensor, *, force: bool = False) -> Any:
    raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")


@call("tolist")
def tolist(self: SparseTensor) -> Any:
    raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")


@call("__bool__")
def truth(self: SparseTensor) -> bool:
    require(self._node.aval.numel == 1, "Boolean value of Tensor with more than one value is ambiguous")
    return bool(dense(self))


@call("__repr__", "__str__", "__format__")
def text(self: SparseTensor, *_: Any, tensor_contents: Any = None) -> str:
    pad = ",\n" + " " * len("tensor(")

    def part(label: str, x: Tensor) -> str:
        if not x.numel():
            return f"{label}=tensor([], size={tuple(x.shape)})"
        common = x.dtype.is_floating_point or x.dtype.is_complex
        kind = (t.get_default_dtype() if x.dtype.is_floating_point else x.dtype) if common else t.int64
        shown = format_tensor(np.asarray(x.detach()._array()), t.bool if x.dtype is t.bool else kind)
        return f"{label}=" + re.sub(r"\n(?=.)", "\n" + " " * (len("tensor(") + len(label) + 1), shown)

    shape = tuple(self._node.aval.shape)
    ends = [f"size={shape}", f"nnz={self._v.shape[0]}"]
    if self._node.aval.device != "cpu":
        ends.insert(0, f"device='{self.device}'")
    if self._v.dtype not in (t.get_default_dtype(), t.complex64, t.int64, t.bool):
        ends.append(f"dtype={self._v.dtype}")
    ends.append("layout=torch.sparse_coo")
    tail = ", ".join(ends)
    if self._v.requires_grad:
        tail += ", requires_grad=True" if self._v.is_leaf else f"{pad}grad_fn=<{self._v.grad_fn.name()}>"
    return f"tensor({part('indices', self._i)}{pad}{part('values', self._v)}{pad}{tail})"


@call("__deepcopy__")
def deepcopy(self: SparseTensor, memo: dict) -> SparseTensor:
    copy = made(self._i.clone(), self._v.detach().clone().requires_grad_(self._v.requires_grad), self._node.aval.shape, self._once)
    memo[id(self)] = copy
    return copy


@call("__reduce_ex__", "__reduce__")
def reduced(self: SparseTensor, protocol: int = 2) -> tuple:
    return rebuilt, (self._i, self._v.detach(), tuple(self._node.aval.shape), self._once)


def rebuilt(indices: Tensor, values: Tensor, size: tuple, once: bool) -> SparseTensor:
    return made(indices, values, size, once)
