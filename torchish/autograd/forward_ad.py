"""torch.autograd.forward_ad: tensors that carry a tangent.

In: tensors and tangents, within a dual level.  Out: the tangents of what was computed from them.  Within a level everything is
recorded on a tape of its own; a tangent is JAX's jvp of what stands there when it is asked for. At the end of the level the tensors
that live on get their values, without tangents.
Source: https://docs.pytorch.org/docs/stable/autograd.html#forward-mode-automatic-differentiation
"""
from __future__ import annotations

from sys import getrefcount
from typing import Any, NamedTuple

from ..modes import no_grad
from ..nested import Nested, entry
from ..recorder import hooks
from ..storage import bind, like, storage_of
from ..tangents import add_input, check_tangent, split
from ..tape import state
from ..tensor import Tensor

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]

_ALONE = 3      # references to a tensor nobody else holds: the tape's list, the loop's, getrefcount's


class UnpackedDualTensor(NamedTuple):
    """A tensor without its tangent, and the tangent (None where it has none)."""
    primal: Tensor
    tangent: Tensor | None


class _Level:
    """The open level: its tape, on which the tangents of inputs are known."""

    def __init__(self) -> None:
        self.nested = Nested("dual", forward=True)
        self.nested.tangent_of = lambda x: unpack_dual(x).tangent
        self.nested.pushed, self.nested.lift = {}, self.lift
        self.given: dict[int, tuple[Tensor, Tensor]] = {}       # slot of a dual tensor -> what it was made of
        self.leaves: dict[int, UnpackedDualTensor] = {}         # id -> a leaf that was made one in this level, and its tangent
        self.nested.__enter__()

    def outside(self, x: Tensor) -> Tensor:
        """`x` as a tensor outside the level."""
        return self.nested.so_far([x])[0] if self.nested.holds(x) else x

    def lift(self, x: Tensor) -> None:
        """`x`, computed here and made a leaf, becomes one of the tape outside: tangents are found there, and depend on it.

        If it has a tangent, what stands for it here is the leaf and a zero with that tangent.
        """
        nested = self.nested
        if x._view is not None or x._shared or state.tape is not nested.tape:
            return
        x._leaf = False
        value, tangent = unpack_dual(x)
        x._leaf = True
        value = self.outside(value)
        with nested.outside():
            with no_grad():     # it is made of all that was recorded here, other leaves among it
                bind(x, hooks.public["_alias"](value))
            if x._tape is not None:
                x._home, x._tape = x._tape, None
        if tangent is not None:
            dual = self.beside(x, tangent)
            nested.tape.foreign[id(x)] = (dual._node.slot, x, x._pending)
            self.leaves[id(x)] = UnpackedDualTensor(x, tangent)

    def has_tangent(self, x: Tensor) -> bool:
        """Whether `x` is a leaf with a tangent, which was made a leaf in this level."""
        return id(x) in self.leaves and self.leaves[id(x)].primal is x and not self.nested.holds(x)     # once written it is held

    def beside(self, leaf: Tensor, tangent: Tensor) -> Tensor:
        """A tensor of the level with the value of a leaf: a zero carries the tangent, gradients come to the leaf."""
        with self.nested.outside():
            zero = hooks.zeros(leaf._node.aval)
        dual = leaf + self.nested.input(zero, mark=True)
        self.nested.pushed[len(self.nested.operands) - 1] = self.outside(tangent)        # type: ignore[index]
        return dual

    def end(self) -> None:
        """Everything computed within that lives on gets its place outside."""
        nested, tape = self.nested, self.nested.tape
        lasting = [x for x in tape.tensors if getrefcount(x) > _ALONE and nested.holds(x) and id(x) not in nested.writes]
        closed = nested.close(lasting)
        nested.__exit__(None, None, None)
        results = closed.apply_effects(entry("dual", [closed], (), lambda f: f))
        for x, value in zip(lasting, results, strict=True):
            bind(x, value)
            if x._leaf and x._tape is not None:
                x._home, x._tape = x._tape, None


class _Levels:
    current: _Level | None = None


_levels = _Levels()
_current_level = -1     # torch's name for the number of the open level


def enter_dual_level() -> int:
    """Opens the level in which dual tensors can be made; returns its number."""
    global _current_level
    if _levels.current is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.current, _current_level = _Level(), 0
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Closes the level: its tensors keep their values and lose their tangents."""
    global _current_level
    open_ = _levels.current
    if (level is None and open_ is None) or (level is not None and level < 0):
        raise RuntimeError("Dual level must be a positive number.")
    if level not in (None, 0) or open_ is None or state.tape is not open_.nested.tape:
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created. This is not supported.")
    _levels.current, _current_level = None, -1
    open_.end()


class dual_level:
    """The block in which dual tensors can be made: `with dual_level(): ...`."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *_: object) -> None:
        exit_dual_level()

    def __call__(self, fn: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with dual_level():
                return fn(*args, **kwargs)
        return wrapped


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with a tangent of the same shape: what is computed from it has one, too.

    Errors: torch's, outside a level, for integers, for shapes that differ, for a tensor that has a tangent already.
    """
    open_ = _levels.current
    if open_ is None:
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() "
                           "first.")
    check_tangent(tensor, tangent)
    nested = open_.nested
    if nested.is_marked(tensor) or open_.has_tangent(tensor):
        raise RuntimeError("Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not "
                           "supported.")
    if nested.is_marked(tangent):
        raise RuntimeError("Setting a forward grad that itself has a forward gradient at the same level0 is not supported.")
    given, primal, tangent = tangent, open_.outside(tensor), open_.outside(tangent)
    with nested.outside():
        tangent = hooks.public["_alias"](tangent)       # as it is now: it may be written later
        if not _lies_as(given, tensor):     # then torch's tangent is a copy in memory like that of the tensor
            given = like(tangent.clone(), tensor._node.aval)
    if tensor._leaf and nested.holds(tensor):   # a leaf made in this level
        primal, dual = tensor, open_.beside(tensor, tangent)
    else:
        # a result of its own: it is in the graph, for its hooks, and gradients go on to the tensor it was made of
        dual = hooks.public["_alias"](add_input(nested, primal, tangent))
    open_.given[dual._node.slot] = (primal, given)
    return dual


def _lies_as(x: Tensor, other: Tensor) -> bool:
    """Whether tensors of one shape lie alike in memory of the same size."""
    if not x.numel():
        return True
    strides = zip(x.shape, x.stride(), other.stride(), strict=True)
    return storage_of(x).numel() == storage_of(other).numel() and x.storage_offset() == other.storage_offset() \
        and all(a == b for n, a, b in strides if n != 1) and x.is_conj() == other.is_conj()


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """(primal, tangent) of a tensor; the tangent is None where it has none.

    Errors: TypeError for what is no tensor, RuntimeError for another level than the open one.
    """
    open_ = _levels.current
    if level is None and open_ is None:
        return UnpackedDualTensor(tensor, None)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"_unpack_dual(): argument 'dual' (position 1) must be Tensor, not {type(tensor).__name__}")
    if level not in (None, 0):
        raise RuntimeError("Invalid level given to _fw_primal")
    if open_ is not None and open_.has_tangent(tensor):
        with open_.nested.outside():
            return UnpackedDualTensor(hooks.public["_alias"](tensor), open_.leaves[id(tensor)].tangent)
    if open_ is None or not open_.nested.is_marked(tensor) or not tensor._node.aval.differentiable:
        return UnpackedDualTensor(tensor, None)
    made_of = open_.given.get(tensor._node.slot) if tensor._view is None else None
    if made_of is not None and made_of[0].dtype is tensor.dtype:     # a dual tensor itself: what it was made of, not a copy
        return UnpackedDualTensor(made_of[0].view_as(made_of[0]), made_of[1])
    return UnpackedDualTensor(*split(open_.nested, tensor))
