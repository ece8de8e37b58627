"""What functions, methods and properties do where a sparse tensor takes part: those that keep to its entries.

In: sparse tensors, dense ones, numbers.  Out: as torch has it: sparse or dense.  Fills `coo.calls`; products.py adds its own.
A function is called by its name with the arguments of the function or method; operators come as the method they stand for.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.calls import backward as autograd_backward
from ..autograd.calls import grad as autograd_grad
from ..dtypes import c_name, can_cast
from ..hooks import hooks
from ..namespace import namespace as t
from ..ops.check import listing, require
from ..tensor import Tensor
from .coo import SparseTensor, calls, coalesced, dense, from_dense, located, made, on_device, with_values

__all__ = ["call", "replace", "to", "written"]

# functions of the values that leave zero zero: of the sum of the entries of a place, and of each entry
_SUMMED = [
    "abs", "absolute", "arcsin", "arcsinh", "arctan", "arctanh", "asin", "asinh", "atan", "atanh", "ceil", "deg2rad",
    "erf", "erfinv", "expm1", "fix", "floor", "frac", "isinf", "isnan", "isneginf", "isposinf", "log1p", "nan_to_num",
    "rad2deg", "relu", "round", "sgn", "sign", "signbit", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc"]
_EACH = [
    "bfloat16", "bool", "byte", "char", "clone", "conj", "conj_physical", "detach", "double", "float", "half", "int",
    "long", "neg", "negative", "positive", "resolve_conj", "resolve_neg", "short", "type_as"]


def call(*names: str) -> Callable[[Callable], Callable]:
    """Declares what these functions do."""
    def declare(fn: Callable) -> Callable:
        calls.update(dict.fromkeys(names, fn))
        return fn
    return declare


def replace(x: SparseTensor, new: SparseTensor, resized: bool = False) -> SparseTensor:
    """`x` becomes `new` in place."""
    require(resized or tuple(x._node.aval.shape) == tuple(new._node.aval.shape), "a sparse tensor written in place keeps its size")
    x._i, x._v, x._once, x._pattern, x._node = new._i, new._v, new._once, new._pattern, new._node
    x._version_count += 1
    return x


def written(x: SparseTensor, new: Any, name: str = "", resized: bool = False) -> SparseTensor:
    """`x` becomes the result of the function `name` in place. RuntimeError where its dtype does not hold it."""
    if new.dtype is not x.dtype:
        require(can_cast(new.dtype, x.dtype), f"{name}result type {c_name(new.dtype)} can't be cast to the desired output type "
                                              f"{c_name(x.dtype)}")
        new = to(new, x.dtype)
    return replace(x, new, resized)


@call("out=")
def _into(name: str, fn: Callable, args: tuple, kwargs: dict) -> Any:
    """What the function `name` gives, written into the tensor given as `out`: RuntimeError where one is sparse and one is not."""
    given = {key: x for key, x in kwargs.items() if key != "out"}
    out = kwargs["out"]
    result = fn(*args, **given) if any(isinstance(x, SparseTensor) for x in (*args, *given.values())) else None
    require(isinstance(result, SparseTensor) is isinstance(out, SparseTensor),
            "Expected self.is_sparse() && result.is_sparse() to be true, but got false.")
    return written(out, result, resized=True) if isinstance(out, SparseTensor) else hooks.store_out(out, result, name)


def _declare() -> None:
    def entrywise(name: str, first: bool) -> None:
        def fn(input: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
            x = coalesced(input) if first else input
            return with_values(x, getattr(x._v, name)(*args, **kwargs) if hasattr(Tensor, name) else getattr(t, name)(x._v))
        def fn_(input: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
            require(input._once or not first, f"{name}_ requires coalesced input")
            return written(input, fn(input, *args, **kwargs))
        calls[name], calls[f"{name}_"] = fn, fn_

    for name in _SUMMED:
        entrywise(name, True)
    for name in _EACH:
        entrywise(name, False)


_declare()
calls["real"] = lambda input: with_values(input, t.real(input._v))
calls["imag"] = lambda input: with_values(input, t.imag(input._v))


# parts

@call("indices")
def indices(self: SparseTensor) -> Tensor:
    require(self._once, "Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
    return self._i


@call("values")
def values(self: SparseTensor) -> Tensor:
    require(self._once, "Cannot get values on an uncoalesced tensor, please call .coalesce() first")
    return self._v


calls |= {
    "sparse_dim": lambda self: self._i.shape[0], "dense_dim": lambda self: self._v.dim() - 1,
    "is_coalesced": lambda self: self._once, "coalesce": coalesced, "to_sparse_coo": lambda self: self,
    "to_dense": lambda self, dtype=None, *, masked_grad=None: dense(self, dtype),
    "requires_grad": lambda self: self._v.requires_grad, "is_leaf": lambda self: self._v.is_leaf,
    "grad_fn": lambda self: self._v.grad_fn,
    "stride": lambda self, dim=None: (0,) * len(self._node.aval.shape) if dim is None else 0,
    "is_contiguous": lambda self, memory_format=None: False, "is_nonzero": lambda input: bool(dense(input)),
    "is_pinned": lambda self, device=None: False, "data": lambda self: calls["detach"](self),
    "type": lambda self, dtype=None, non_blocking=False: _type_name(self) if dtype is None else to(self, dtype)}


def _type_name(self: SparseTensor) -> str:
    return self._v.type().replace("torch.", "torch.sparse.", 1)


@call("grad")
def grad(self: SparseTensor) -> SparseTensor | None:
    """The gradient of the values, at the places of this tensor: entries of one place have the same."""
    return None if self._v.grad is None else _gradient(self, self._v.grad)


def _gradient(x: SparseTensor, g: Tensor) -> SparseTensor:
    """The gradient of `x`, of which `g` is that of the values."""
    if x._once:
        return with_values(x, g)
    rows, _, first = located(x)
    return made(on_device(rows, x._v), g[on_device(first, x._v)], x._node.aval.shape, True)


def _part(x: Any) -> Any:
    """What a backward begins or ends at: of a sparse tensor its values."""
    return x._v if isinstance(x, SparseTensor) else x


def _each(given: Any) -> list:
    return list(given) if isinstance(given, (tuple, list)) else [given]


def _cotangents(roots: list, given: Any) -> list | None:
    """Cotangents, those of sparse roots as what stands at the places of their entries."""
    if given is None:
        return None
    dense_ones = [dense(c) if isinstance(c, SparseTensor) else c for c in _each(given)]
    return [c[tuple(x._i)] if isinstance(x, SparseTensor) and c is not None else c for x, c in zip(roots, dense_ones, strict=False)]


@call("autograd.grad")
def _autograd_grad(outputs: Any, inputs: Any, grad_outputs: Any = None, *args: Any, **kwargs: Any) -> tuple:
    roots, wrt = _each(outputs), _each(inputs)
    found = autograd_grad([_part(x) for x in roots], [_part(x) for x in wrt], _cotangents(roots, grad_outputs), *args, **kwargs)
    return tuple([_gradient(x, g) if isinstance(x, SparseTensor) and g is not None else g for x, g in zip(wrt, found, strict=True)])


@call("backward")
def _backward(self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
              inputs: Any = None) -> None:
    wrt = None if inputs is None else [_part(x) for x in _each(inputs)]
    autograd_backward([_part(self)], _cotangents([self], gradient), retain_graph, create_graph, inputs=wrt)


@call("grad=")
def _set_grad(self: Tensor, grad: Any) -> None:
    if not isinstance(self, SparseTensor):
        raise NotImplementedError("assigned grad is sparse, and that of a dense tensor is dense here: assign grad.to_dense()")
    require(grad is None, "the gradient of a sparse tensor is that of its values")
    self._v.grad = None


@call("requires_grad_")
def requires_grad_(self: SparseTensor, requires_grad: bool = True) -> SparseTensor:
    self._v = self._v.detach().requires_grad_(requires_grad)
    self._node = self._node.aval.grad if requires_grad else self._node.aval.plain
    return self


calls["requires_grad="] = requires_grad_


# another place or type

@call("to")
def to(self: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
    moved = self._v.to(*args, **kwargs)
    if moved is self._v:
        return self
    return made(self._i.to(moved.device), moved, self._node.aval.shape, self._once, self._pattern)


@call("as_tensor", "asarray")
def as_tensor(data: SparseTensor, dtype: Any = None, device: Any = None) -> SparseTensor:
    return to(data, device=device or data.device, dtype=dtype or data.dtype)


calls |= {"cpu": lambda self, memory_format=None: to(self, "cpu"),
          "cuda": lambda self, device=None, non_blocking=False, memory_format=None: to(self, "cuda" if device is None else device)}


# arithmetic

def _entry(x: Any) -> Any:
    """A number or a dense tensor without dims."""
    return x if not isinstance(x, Tensor) or x.dim() == 0 and not isinstance(x, SparseTensor) else None


def _same_places(a: SparseTensor, b: SparseTensor) -> bool:
    return a._i is b._i or a._i.shape == b._i.shape and bool((np.asarray(a._i._array()) == np.asarray(b._i._array())).all())


@call("add")
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    if not isinstance(input, SparseTensor):
        shape, size = tuple(input.shape) if isinstance(input, Tensor) else (), tuple(other._node.aval.shape)
        require(not isinstance(input, Tensor) or shape == size, "add: expected 'self' and 'other' to have same size, but self has "
                f"size {listing(shape)} while other has size {listing(size)} (FYI: dense-sparse addition does not currently "
                "support broadcasting)")
        return t.add(input, dense(other), alpha=alpha)
    require(isinstance(other, SparseTensor), "add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    a, b = tuple(input._node.aval.shape), tuple(other._node.aval.shape)
    require(a == b, f"add: expected sizes of 'self' and 'other' to match, but {listing(a)} != {listing(b)}")
    scaled = other._v if alpha.__class__ is int and alpha == 1 else other._v * alpha
    if not input._nnz() or not other._nnz():        # of these the number of sparse dims may be another
        return with_values(*((other, scaled) if not input._nnz() else (input, input._v))).to(t.result_type(input._v, scaled))
    require(input._i.shape[0] == other._i.shape[0], "add: expected 'self' and 'other' to have same number of sparse dimensions")
    if _same_places(input, other):
        return with_values(input, input._v + scaled)
    both = made(t.cat([input._i, other._i], 1), t.cat([input._v.to(dtype := t.result_type(input._v, scaled)), scaled.to(dtype)]), a)
    return coalesced(both) if input._once and other._once else both


@call("sub", "subtract")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return add(input, other, alpha=-alpha)


def _full(x: Any) -> Any:
    return dense(x) if isinstance(x, SparseTensor) else x


def _met(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """The product of coalesced tensors of one size: entries where both have one."""
    size = a._node.aval.shape[:a._i.shape[0]]
    flat = [np.ravel_multi_index(tuple(np.asarray(x._i._array())), size) if x._nnz() else np.zeros(0, np.int64) for x in (a, b)]
    _, of_a, of_b = np.intersect1d(*flat, assume_unique=True, return_indices=True)
    rows = on_device(np.asarray(a._i._array())[:, of_a], a._v)
    return made(rows, a._v[on_device(of_a, a._v)] * b._v[on_device(of_b, b._v)], a._node.aval.shape, True)


@call("mul", "multiply")
def mul(input: Any, other: Any) -> Any:
    if not isinstance(input, SparseTensor):
        input, other = other, input
    if isinstance(other, SparseTensor) and other._node.aval.shape == input._node.aval.shape and \
            other._i.shape[0] == input._i.shape[0] > 0:
        return _met(coalesced(input), coalesced(other))
    if _entry(other) is not None:
        return with_values(input, input._v * other)
    shape = input._node.aval.shape
    full = dense(other) if isinstance(other, SparseTensor) else other
    require(full.dim() <= len(shape), "mul(sparse, dense): the dense tensor may not have more dims than the sparse one")
    return with_values(input, input._v * full.expand(shape)[tuple(input._i)])


@call("div", "divide", "true_divide")
def div(input: SparseTensor, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
    require(isinstance(input, SparseTensor), "div(dense, sparse) is not supported: most of its result would be infinite")
    require(_entry(other) is not None, "Sparse division requires a scalar or zero-dim dense tensor divisor (got shape "
            f"{listing(other._node.aval.shape) if isinstance(other, Tensor) else ''} for divisor)")
    x = input if rounding_mode is None else coalesced(input)
    return with_values(x, t.div(x._v, other, rounding_mode=rounding_mode))


@call("floor_divide", "__floordiv__")
def floor_divide(input: SparseTensor, other: Any) -> SparseTensor:
    return div(input, other, rounding_mode="floor")


@call("pow", "__pow__")
def power(input: SparseTensor, exponent: Any) -> SparseTensor:
    require(isinstance(input, SparseTensor) and not isinstance(exponent, Tensor) and exponent != 0,
            "pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense")
    x = coalesced(input)
    return with_values(x, x._v ** exponent)


for _name in ("add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "floor_divide", "pow"):
    calls[f"{_name}_"] = lambda self, other, _fn=calls[_name], **kwargs: written(self, _fn(self, other, **kwargs)) \
        if isinstance(self, SparseTensor) else self.copy_(_full(_fn(self, other, **kwargs)))


# results without dims, and others

@call("norm")
def norm(input: SparseTensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    require(dim is None and not keepdim, "norm_sparse currently only supports full reductions, so 'dim' must either be empty or "
                                         "contain all dimensions of the input")
    return t.norm(coalesced(input)._v, 2 if p == "fro" else p, dtype=dtype)


calls["any"] = lambda input: coalesced(input)._v.any()


@call("copy_")
def copy_(self: Any, src: Any, non_blocking: bool = False) -> SparseTensor:
    require(isinstance(self, SparseTensor) and isinstance(src, SparseTensor),
            "copy_() between dense and sparse Tensors is not implemented! Found self type = "
            f"{self.type()} and src type = {src.type()}")
    return replace(self, calls["clone"](to(src, self._v.dtype)))


@call("sparse_mask")
def sparse_mask(self: Any, mask: SparseTensor) -> SparseTensor:
    """The elements of a tensor at the places of a sparse one."""
    x = dense(self) if isinstance(self, SparseTensor) else self
    return with_values(mask, x[tuple(mask._i)])


@call("to_sparse")
def to_sparse(self: SparseTensor, sparse_dim: int | None = None, *, layout: Any = None, blocksize: Any = None,
              dense_dim: Any = None) -> SparseTensor:
    return self if sparse_dim is None or sparse_dim == self._i.shape[0] else from_dense(dense(self), sparse_dim)


# refused in torch's words

@call("__setitem__")
def setitem(self: Any, key: Any, value: Any) -> None:
    require(not isinstance(self, SparseTensor), "Cannot assign to a sparse tensor", TypeError)
    copy_(self, value)      # which refuses, too


@call("reshape")
def reshape(input: SparseTensor, *shape: Any) -> Any:
    raise RuntimeError("reshape is not implemented for sparse tensors")


@call("expand", "expand_as", "broadcast_to")
def expand(self: SparseTensor, *size: Any, implicit: bool = False) -> Any:
    raise RuntimeError("expand is unsupported for Sparse tensors")
