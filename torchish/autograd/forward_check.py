"""The checks of gradcheck that go forward: tangents against differences, tangents that are not there, batches of tangents.

In: a function, its inputs, which of them are differentiated, a direction for each.  Out: what is wrong, as a sentence, or None.
As in torch the function sees tensors that do not require a gradient; those that are differentiated carry tangents.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..func.vmap import vmap
from ..namespace import namespace as t
from ..tensor import Tensor
from . import forward_ad

__all__ = ["batched_tangents", "tangents", "undefined_tangents"]

FAILED = ("\ngradcheck or gradgradcheck failed while testing batched gradient computation of forward mode: "
          "`check_batched_forward_grad` asks whether a batch of tangents under vmap gives what each of them gives by itself.")


def _many(out: Any) -> Sequence:
    return out if isinstance(out, (tuple, list)) else (out,)


def tangents(func: Callable, inputs: Sequence, given: dict[int, Tensor | None]) -> list[Tensor | None]:
    """The tangents of all results, where the inputs with these numbers have the `given` tangents.

    A tangent None: the input is passed as it is, without one.
    """
    with forward_ad.dual_level():
        plain = {k: x.detach() if isinstance(x, Tensor) else x for k, x in enumerate(inputs)}
        duals = plain | {k: forward_ad.make_dual(plain[k], v) for k, v in given.items() if v is not None}
        out = _many(func(*[duals[k] for k in range(len(inputs))]))
        return [forward_ad.unpack_dual(y).tangent if isinstance(y, Tensor) else None for y in out]


def undefined_tangents(func: Callable, inputs: Sequence, given: dict[int, Tensor]) -> str | None:
    """A tangent of zeros must do what no tangent does."""
    for k in given:
        zeros = tangents(func, inputs, given | {k: t.zeros_like(inputs[k])})
        nothing = tangents(func, inputs, given | {k: None})
        for j, (a, b) in enumerate(zip(zeros, nothing, strict=True)):
            if a is not None and b is not None and not t.allclose(a, b):
                return (f"Mismatch in tangent values for output with index: {j} when input: {inputs[k]} has an undefined tangent "
                        "value.")
    return None


def batched_tangents(func: Callable, inputs: Sequence, wrt: Sequence[int]) -> str | None:
    """Two tangents at once, under vmap, must give what they give one after the other."""
    for k in wrt:
        def pushed(tangent: Tensor, k: int = k) -> tuple:
            with forward_ad.dual_level():
                given = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
                given[k] = forward_ad.make_dual(given[k], tangent)
                duals = [forward_ad.unpack_dual(y) for y in _many(func(*given)) if isinstance(y, Tensor)]
                return tuple([t.zeros_like(d.primal) if d.tangent is None else d.tangent for d in duals])

        directions = t.randn(2, *inputs[k].shape, dtype=inputs[k].dtype, device=inputs[k].device)
        try:
            together = vmap(pushed)(directions)
        except RuntimeError as e:
            return f"While computing batched gradients, got: {e}\n{FAILED}"
        for j, (a, b) in enumerate(zip(together, zip(*map(pushed, directions), strict=True), strict=True)):
            if not t.allclose(a, t.stack(b)):
                return f"For output {j} and input {k}:\n{FAILED}\n\nGot:\n{a}\n\nExpected:\n{t.stack(b)}\n"
    return None
