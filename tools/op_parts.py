"""What the checks of tools/op_checks.py and tools/op_derivatives.py are made of.

In: `lib`, torch or torchish; tensors of a sample, arguments they stand in.  Out: functions of those tensors alone, cotangents,
gradients, batches.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from op_golden import cotangent, flat_tensors, sentence

__all__ = ["asked", "batches", "by_design", "gradients", "numeric", "of_tensors", "weights", "with_tensors"]


def asked(ask: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return ask(), ""
    except Exception as e:
        return None, sentence(e)


def numeric(x: Any) -> bool:
    return x.is_floating_point() or x.is_complex()


def weights(lib: Any, results: list) -> list:
    return [lib.tensor(cotangent(tuple(r.shape), "complex128" if r.is_complex() else "float64")).to(r.dtype) for r in results]


def with_tensors(tree: Any, values: dict[int, Any]) -> Any:
    """A nest of arguments with other tensors in the places of some."""
    if isinstance(tree, (list, tuple)):
        made = [with_tensors(v, values) for v in tree]
        return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
    if isinstance(tree, dict):
        return {k: with_tensors(v, values) for k, v in tree.items()}
    return values.get(id(tree), tree) if hasattr(tree, "requires_grad") else tree


def of_tensors(f: Callable, args: tuple, options: dict, leaves: list) -> Callable:
    """The call as a function of `leaves` alone, with a tuple of tensors as its result."""
    def called(*values: Any) -> tuple:
        put = dict(zip(map(id, leaves), values, strict=True))
        return tuple(flat_tensors(f(*with_tensors(args, put), **with_tensors(options, put))))
    return called


def gradients(lib: Any, results: list, leaves: list, create_graph: bool = False) -> list:
    """Those of a weighted sum of the results; zeros where there is none."""
    roots = [r for r in results if r.requires_grad]
    if not roots or not leaves:
        return [lib.zeros_like(x) for x in leaves]
    found = lib.autograd.grad(roots, leaves, weights(lib, roots), allow_unused=True, create_graph=create_graph)
    return [lib.zeros_like(x) if g is None else g if create_graph else g.detach() for g, x in zip(found, leaves, strict=True)]


def batches(lib: Any, x: Any, dim: int) -> Any:
    return lib.stack([x, x * 0.75, x * 1.25] if numeric(x) else [x, x, x], dim)


def by_design(error: Exception) -> bool:
    """Whether vmap refuses because it has to, and not because torch has no rule for an op."""
    return any(word in str(error) for word in ("randomness", "does not have vmap support", "cannot be vmapped"))
