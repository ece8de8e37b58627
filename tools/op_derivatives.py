"""More checks of tools/op_checks.py: gradients that pass through hooks, anomaly mode, checkpoints and transforms.

In and out: as there, functions `ask(lib, f, args, options, tensors)` that call `f` somehow and return a nest of tensors and plain
values.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from op_golden import flat_tensors
from op_parts import asked, batches, by_design, gradients, numeric, of_tensors, weights

__all__ = ["compiled", "in_every_dim", "jacobians", "of_checkpoint", "of_grad", "of_vjp", "under_anomaly", "with_hooks"]


def with_hooks(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """Hooks of leaves, results and their nodes that change what passes; which gradients they saw, which there were in the end."""
    leaves = [x for x in tensors if x.requires_grad]
    roots = [r for r in flat_tensors(f(*args, **options)) if r.requires_grad]
    seen: list = []

    def scaled(name: str, given: tuple, by: float) -> tuple:
        seen.append((name, [g is not None for g in given]))
        return tuple(g if g is None else g * by for g in given)

    nodes = list(dict.fromkeys(n for r in roots if (n := r.grad_fn) is not None))
    handles = [x.register_hook(lambda g, k=k: scaled(f"tensor {k}", (g,), 2 + k)[0]) for k, x in enumerate([*leaves, *roots])]
    handles += [n.register_prehook(lambda given, k=k: scaled(f"before {k}", given, 3)) for k, n in enumerate(nodes)]
    handles += [n.register_hook(lambda new, given: scaled("after", new, 5)) for n in nodes]
    found = lib.autograd.grad(roots, leaves, weights(lib, roots), allow_unused=True) if roots and leaves else []
    for handle in handles:
        handle.remove()
    return [["no gradient" if g is None else g for g in found], sorted((name, n) for name, n in seen if name != "after")]


def under_anomaly(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    with lib.autograd.detect_anomaly():
        results = flat_tensors(f(*args, **options))
        return [[r.detach() for r in results], gradients(lib, results, [x for x in tensors if x.requires_grad])]


def of_checkpoint(lib: Any, f: Callable, args: tuple, options: dict, tensors: list, reentrant: bool) -> Any:
    leaves = [x for x in tensors if x.requires_grad]
    called = of_tensors(f, args, options, leaves)
    results = flat_tensors(lib.utils.checkpoint.checkpoint(called, *leaves, use_reentrant=reentrant))
    roots = [r for r in results if r.requires_grad]
    if roots:
        lib.autograd.backward(roots, weights(lib, roots))
    found = [x.grad for x in leaves]
    for x in leaves:
        x.grad = None
    return [results, ["no gradient" if g is None else g for g in found]]


def differentiable(f: Callable, args: tuple, options: dict, leaves: list) -> Callable:
    """The call as a function of `leaves`; only results that can have a derivative."""
    called = of_tensors(f, args, options, leaves)
    return lambda *values: tuple(r for r in called(*values) if numeric(r))


def of_grad(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """func.grad, and the value beside it."""
    leaves = [x for x in tensors if numeric(x)]
    called = differentiable(f, args, options, leaves)

    def loss(*values: Any) -> Any:
        results = called(*values)
        return sum((r * w).abs().square().sum() for r, w in zip(results, weights(lib, results), strict=True))
    return lib.func.grad_and_value(loss, tuple(range(len(leaves))))(*leaves)


def of_vjp(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """func.vjp, pulled once and for a batch of cotangents."""
    leaves = [x for x in tensors if numeric(x)]
    results, pull = lib.func.vjp(differentiable(f, args, options, leaves), *leaves)
    given = tuple(weights(lib, list(results)))
    once = pull(given)
    stacked = tuple(lib.stack([w, w * 2]) for w in given)
    each, _ = asked(lambda: lib.func.vmap(pull)(stacked))
    if each is None and lib is torch:
        each = tuple(torch.stack([g, g * 2]) for g in once)
    return [results, once, each]


def jacobians(lib: Any, f: Callable, args: tuple, options: dict, tensors: list, forward: bool) -> Any:
    """With respect to the first tensor, where it is small."""
    leaves = [x for x in tensors if numeric(x)][:1]
    if not leaves or leaves[0].numel() > 40:
        return []
    return (lib.func.jacfwd if forward else lib.func.jacrev)(differentiable(f, args, options, leaves))(*leaves)


def in_every_dim(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """vmap along each dimension of the first tensor, along two dimensions of two, along one of the second alone."""
    ways = [(d,) for d in range(tensors[0].dim() + 1)] if tensors else []
    if len(tensors) > 1:
        ways += [(0, tensors[1].dim()), (None, 0), (None, tensors[1].dim())]
    return [_along(lib, f, args, options, tensors[:len(way)], way) for way in ways]


def _along(lib: Any, f: Callable, args: tuple, options: dict, leaves: list, dims: tuple) -> Any:
    called = of_tensors(f, args, options, leaves)
    given = [x if d is None else batches(lib, x, d) for x, d in zip(leaves, dims, strict=True)]
    try:
        return lib.func.vmap(called, dims)(*given)
    except Exception as e:
        if lib is not torch or by_design(e):
            raise
        turns, _ = asked(lambda: [called(*(x if d is None else x.select(d, k) for x, d in zip(given, dims, strict=True)))
                                  for k in range(3)])
        if turns is None:
            raise
        return [torch.stack(same) for same in zip(*turns, strict=True)]


def compiled(lib: Any, f: Callable, args: tuple, options: dict, tensors: list) -> Any:
    """How many programs the second and third turn compile: none."""
    if lib is torch:
        return [0, 0]
    counts = []
    for x in tensors:
        x.detach().resolve_conj().tolist()
    with lib.config.override(drafts="never"):       # a draft is compiled again
        for _ in range(3):
            before = lib.tape.stats.compilations
            results = flat_tensors(f(*args, **options))
            for x in [*results, *gradients(lib, results, [x for x in tensors if x.requires_grad])]:
                x.detach().resolve_conj().resolve_neg().tolist()
            counts.append(lib.tape.stats.compilations - before)
    return counts[1:]
