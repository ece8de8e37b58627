"""Arguments of the transforms: which are differentiated, trees of tensors, torch's errors for what is none.

In: what the user passed.  Out: flat lists of tensors with the structures to put them back.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..nested import Closed
from ..storage import assign, version_of
from ..tensor import Tensor
from ..utils._pytree import TreeSpec, tree_flatten, tree_leaves

__all__ = ["Chosen", "after", "check_randomness", "check_unchanged", "dense_only", "only_tensors", "places_of", "real_only",
           "split_aux", "tensors_in", "tensors_of", "write_back", "written"]


def after(both: Callable, skip: int) -> Callable:
    """A transformed function without its first `skip` results: what comes after them is the derivative."""
    return lambda args, directions=(): both(args, directions)[skip:]


def check_randomness(randomness: str) -> None:
    """torch's error for what is none of the three words."""
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")


def _may_require_grad(x: Tensor) -> None:
    if not x._node.aval.differentiable:
        raise RuntimeError("only Tensors of floating point dtype can require gradients")


class _OfSparse:
    """The structure of a tree in which there are sparse tensors: put together again, these have other values at their places."""

    def __init__(self, spec: TreeSpec, leaves: list) -> None:
        self.spec, self.leaves = spec, leaves

    def unflatten(self, values: Sequence[Tensor]) -> Any:
        """The tree with these tensors, which are the values where it has sparse ones."""
        return self.spec.unflatten([x._with_values(v) if x.is_sparse else v for x, v in zip(self.leaves, values, strict=True)])


def tensors_of(tree: Any, differentiable: Callable[[Tensor], None] = _may_require_grad) -> tuple[
        list[Tensor], TreeSpec | _OfSparse]:
    """The leaves of what is differentiated, all floating tensors (the values of sparse ones), and their structure."""
    leaves, spec = tree_flatten(tree)
    for x in leaves:
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        differentiable(x)
    if not any(x.is_sparse for x in leaves):
        return leaves, spec
    return [x._values() if x.is_sparse else x for x in leaves], _OfSparse(spec, leaves)


def dense_only(tensors: Sequence[Tensor]) -> None:
    """The error where a transform takes no sparse tensors."""
    if any(x.is_sparse for x in tensors):
        raise NotImplementedError("Cannot access storage of SparseTensorImpl. In torch.func, grad and vjp take sparse tensors; "
                                  "elsewhere make them in the function (torch.sparse_coo_tensor)")


def tensors_in(*trees: Any) -> list[Tensor]:
    """The tensors among the leaves."""
    return [x for x in tree_leaves(trees) if isinstance(x, Tensor)]


def written(inner: Sequence[Any]) -> list[int]:
    """Which of the stand-ins the function has written into, so that what they stand for is to be written, too."""
    return [k for k, x in enumerate(inner) if isinstance(x, Tensor) and version_of(x)]


def write_back(outer: Sequence[Any], places: Sequence[int], values: Sequence[Tensor]) -> None:
    """Writes into the arguments what the function wrote into their stand-ins, unless that has another shape by now."""
    for k, value in zip(places, values, strict=True):
        if tuple(value.shape) == tuple(outer[k].shape):
            assign(outer[k], value)


def real_only(caller: str, what: str, dtypes: Sequence[Any]) -> None:
    """torch's error for complex inputs or outputs of a Jacobian."""
    for k, dtype in enumerate(dtypes):
        if dtype.is_complex:
            raise RuntimeError(f"{caller}: Expected all {what} to be real but received complex tensor at flattened input idx: {k}")


def places_of(argnums: Any, count: int) -> list[int]:
    """Which of `count` positional arguments `argnums` names; torch's errors where it names none, or one twice."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    for n in argnums if isinstance(argnums, tuple) else ():
        if not isinstance(n, int):
            raise RuntimeError(f"argnum must be int, got: {type(n)}")
    places = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in places:
        if not -count <= n < count:
            raise RuntimeError(f"Got argnum={n}, but only {count} positional inputs")
    if not places:
        raise RuntimeError("argnums must be non-empty")
    found = [n % count for n in places]
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {tuple(found)}")
    return found


class Chosen:
    """The positional arguments that `argnums` names: `tensors`, and a call with others in their place."""

    def __init__(self, args: tuple, argnums: Any, differentiable: Callable[[Tensor], None] = _may_require_grad) -> None:
        self.places = places_of(argnums, len(args))
        self.args = args
        chosen = tuple([args[n] for n in self.places])
        self.tensors, self.spec = tensors_of(chosen if isinstance(argnums, tuple) else chosen[0], differentiable)
        self.several = isinstance(argnums, tuple)

    def dense_only(self) -> None:
        """The error where there are sparse ones."""
        if isinstance(self.spec, _OfSparse):
            dense_only(self.spec.leaves)

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
    """The leaves of an output, all tensors and at least one."""
    leaves, spec = tree_flatten(out)
    if not leaves or leaves == [None]:
        raise RuntimeError(f"{caller}: Expected f to be a function that has non-empty output (got output = {leaves})")
    for x in leaves:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"{caller}: expected f(*primals) to return only tensors, got unsupported type {type(x)}")
    return leaves, spec


def check_unchanged(closed: Closed, versions: list[int]) -> None:
    """torch's error where what a function read has been written since."""
    for x, version in zip(closed.operands, versions, strict=True):
        if version_of(x) != version:
            raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace operation: "
                               f"[{x.type()} {list(x.shape)}] is at version {version_of(x)}; expected version {version} instead.")
