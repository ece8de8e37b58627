"""Arguments of the transforms: which are differentiated, trees of tensors, torch's errors for what is none.

In: what the user passed.  Out: flat lists of tensors with the structures to put them back.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..nested import Closed
from ..tensor import Tensor
from ..utils._pytree import TreeSpec, tree_flatten

__all__ = ["Chosen", "after", "check_unchanged", "only_tensors", "split_aux", "tensors_of"]


def after(both: Callable, skip: int) -> Callable:
    """A transformed function without its first `skip` results: what comes after them is the derivative."""
    return lambda args, directions=(): both(args, directions)[skip:]


def tensors_of(tree: Any) -> tuple[list[Tensor], TreeSpec]:
    """The leaves of what is differentiated, all floating tensors, and their structure."""
    leaves, spec = tree_flatten(tree)
    for x in leaves:
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        if not x._node.aval.differentiable:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
    return leaves, spec


class Chosen:
    """The positional arguments that `argnums` names: `tensors`, and a call with others in their place."""

    def __init__(self, args: tuple, argnums: Any) -> None:
        if isinstance(argnums, bool) or not isinstance(argnums, (int, tuple)):
            raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
        if isinstance(argnums, tuple):
            if not argnums:
                raise RuntimeError("argnums must be non-empty")
            for n in argnums:
                if not isinstance(n, int):
                    raise RuntimeError(f"argnums elements must be int, got {type(n)}")
        places = argnums if isinstance(argnums, tuple) else (argnums,)
        for n in places:
            if not -len(args) <= n < len(args):
                raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
        self.places = [n % len(args) for n in places]
        if len(set(self.places)) != len(self.places):
            raise RuntimeError(f"argnums elements must be unique, got {argnums}")
        self.args = args
        chosen = tuple([args[n] for n in self.places])
        self.tensors, self.spec = tensors_of(chosen if isinstance(argnums, tuple) else chosen[0])
        self.several = isinstance(argnums, tuple)

    def put(self, tensors: Sequence[Any]) -> Any:
        """A tree like the chosen arguments (a tuple of them where several were named)."""
        return self.spec.unflatten(tensors)

    def call(self, func: Callable, tensors: Sequence[Any], kwargs: dict) -> Any:
        """func(...) with `tensors` in the place of the chosen arguments."""
        args = list(self.args)
        put = self.put(tensors)
        for n, a in zip(self.places, put if self.several else (put,), strict=True):
            args[n] = a
        return func(*args, **kwargs)


def split_aux(out: Any, has_aux: bool, caller: str) -> tuple[Any, list, TreeSpec | None]:
    """The output proper; the auxiliary tensors that came with it, and their structure."""
    if not has_aux:
        return out, [], None
    if not (isinstance(out, tuple) and len(out) == 2):
        raise RuntimeError(f"{caller}: output of function f should be a tuple: (output, aux) if has_aux is True")
    out, aux = out
    leaves, spec = tree_flatten(aux)
    for x in leaves:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")
    return out, leaves, spec


def only_tensors(out: Any, caller: str) -> tuple[list[Tensor], TreeSpec]:
    """The leaves of an output, all tensors."""
    leaves, spec = tree_flatten(out)
    for x in leaves:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"{caller}: expected f(*primals) to return only tensors, got unsupported type {type(x)}")
    return leaves, spec


def check_unchanged(closed: Closed, versions: list[int]) -> None:
    """torch's error where what a function read has been written since."""
    for x, version in zip(closed.operands, versions, strict=True):
        if x._version != version:
            raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace operation: "
                               f"[{x.type()} {list(x.shape)}] is at version {x._version}; expected version {version} instead.")
