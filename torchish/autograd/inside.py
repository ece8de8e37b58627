"""Custom functions inside transforms: the user's forward, backward, jvp and vmap as one entry with derivatives of its own.

In: a call of `Function.apply` while a nested tape is recorded.  Out: an entry whose derivative, for any transform around it, is
what the user's backward (or, in forward mode, jvp) records. Their Python runs once, on stand-ins.
Source: https://docs.pytorch.org/docs/stable/notes/extending.func.html
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..avals import aval_of
from ..modes import set_grad_enabled
from ..nested import Closed, Nested, NoMemberError, NoValueError, entry
from ..ops.check import wrap_dim
from ..ops.transforms import with_pullback, with_pushforward
from ..recorder import hooks
from ..storage import assign
from ..tape import state
from ..tensor import Tensor
from ..utils._pytree import broadcast_prefix, tree_flatten, tree_leaves, tree_map, tree_structure
from .context import FunctionCtx, fitted
from .rules import check_shared, check_tangents

__all__ = ["PUSHED", "InsideCtx", "VmapInfo", "apply_inside", "apply_outside", "can_stand", "looked", "moves"]

SAVED_AS_IS = ("An input that has been returned as-is as output is being saved for backward. This is not supported if you override "
               "setup_context. You should return and save a view of the input instead, e.g. with x.view_as(x) or setup ctx inside "
               "the forward function itself.")
ORDERS = 2
PUSHED = ("jvp", "dual")        # transforms that push tangents forward
MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What a `vmap` staticmethod is told about the batch."""
    batch_size: int
    randomness: str


class InsideCtx(FunctionCtx):
    """The `ctx` of a call inside a transform; what it keeps is replaced by stand-ins for backward and jvp."""

    def kept(self) -> list[tuple[Any, Any, Tensor]]:
        """(where, which, tensor) of all that forward has kept."""
        found: list[tuple[Any, Any, Tensor]] = [("_to_save", k, t) for k, t in enumerate(self._to_save) if t is not None]
        found += [("_for_forward", k, t) for k, t in enumerate(self._for_forward) if t is not None]
        return found + [(None, name, t) for name, t in self.__dict__.items() if isinstance(t, Tensor)]

    def with_stand_ins(self, kept: list, tensors: list[Tensor]) -> InsideCtx:
        """A copy that keeps these tensors instead."""
        other = InsideCtx()
        other.__dict__.update(self.__dict__)
        lists = {"_to_save": list(self._to_save), "_for_forward": list(self._for_forward)}
        for (where, which, _), t in zip(kept, tensors, strict=True):
            if where is None:
                other.__dict__[which] = t
            else:
                lists[where][which] = t
        other._to_save, other._for_forward = tuple(lists["_to_save"]), tuple(lists["_for_forward"])
        other._in_backward = True
        return other

    def for_jvp(self) -> InsideCtx:
        """The same, with what was kept for forward mode, and only that, in `saved_tensors`."""
        self._to_save = self._for_forward
        return self


def apply_inside(cls: Any, own: set[str], args: tuple, kwargs: dict) -> Any:
    """`cls.apply(*args, **kwargs)` while a nested tape is recorded; `own`: which of the optional methods the class defines."""
    nested: Nested = state.tape.nested
    if "setup_context" not in own and nested.in_transform():
        raise RuntimeError("In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must "
                           f"override the setup_context staticmethod. {MORE}")
    batched = [a for a in tree_leaves(args) if isinstance(a, Tensor) and _differs(nested, a)] if nested.in_batch else []
    if batched:
        if cls.generate_vmap_rule and "vmap" in own:
            raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overridden "
                               "vmap staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod "
                               f"to avoid ambiguity. {MORE}")
        if not cls.generate_vmap_rule and "vmap" not in own:
            raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and "
                               f"implement the vmap staticmethod or set generate_vmap_rule=True. {MORE}")
        if any(isinstance(v, Tensor) for v in kwargs.values()):
            raise NotImplementedError("Run vmap on autograd.Function with kwarg-only Tensor args. Please do not pass kwarg-only "
                                      "Tensors to autograd.Function")
        if "vmap" in own and nested.batch is not None and any(nested.is_marked(a) for a in batched):
            return _mapped(cls, nested, args)
    if nested.forward and "jvp" not in own and any(isinstance(a, Tensor) and moves(nested, a) for a in args):
        cls.jvp(None)
    try:
        return _Call(cls, own, args).run(kwargs, nested.forward)
    except NoMemberError as e:
        if nested.batch is not None or "vmap" not in own:
            raise
        # a transform stands between the function and the batch that it has a rule for: `vmap` runs member by member
        raise NoValueError(f"{cls.__name__}: its Python looks at values (item, numpy, bool, printing) of the members of a batch "
                           "inside a transform under torch.vmap") from e


def looked(error: RuntimeError) -> bool:
    """Whether the Python of a function was stopped because it asked for a value that is not there yet."""
    return isinstance(error, (NoValueError, NoMemberError))


def can_stand(nested: Nested, own: set[str], kwargs: dict) -> bool:
    """Whether a call may stand in the graph of the function given to `grad` under `vmap` or `jvp` as it does outside of transforms:
    its forward is called outside, where values are, and its backward when the gradients have come. `grad` alone runs such a
    function again (func/outside.py)."""
    above = nested.outer.nested
    if above is None:
        return False
    while above is not None and (above.name == "vmap" or above.name in PUSHED):
        above = above.outer.nested
    return nested.name == "grad" and above is None and "setup_context" in own and not kwargs


def apply_outside(cls: Any, nested: Nested, args: tuple) -> Any:
    """What `cls.apply(*args)` returns outside the function that is differentiated, as tensors of its tape.

    Errors: NoValueError where gradients are to go on outside, past the values."""
    outer = [nested.unwrap(a) if isinstance(a, Tensor) and nested.holds(a) else a for a in args]
    with nested.outside():
        output = cls.apply(*outer)
    results = output if isinstance(output, tuple) else (output,)
    if any(isinstance(r, Tensor) and r.requires_grad for r in results):
        raise NoValueError(f"{cls.__name__}: its Python looks at values (item, numpy, bool, printing) inside torch.func.grad, so "
                           "the gradient cannot be differentiated again: detach the arguments that require one")
    here = tuple([hooks.public["_alias"](r) if isinstance(r, Tensor) else r for r in results])
    return here if isinstance(output, tuple) else here[0]


def _differs(nested: Nested, x: Tensor) -> bool:
    """Whether `x` differs between members of a batch: of the function in which it was computed, or of one around."""
    return _comes(nested, x, lambda level: level.batch is not None)


def moves(nested: Nested | None, x: Tensor) -> bool:
    """Whether a tangent comes to `x`: from the transform in which it was computed, or from one around."""
    return _comes(nested, x, lambda level: level.name in PUSHED)


def _comes(nested: Nested | None, x: Tensor, marks: Callable[[Nested], bool]) -> bool:
    """Whether `x` depends on what is marked in a function for which `marks` holds: that of `x`, or one around."""
    while nested is not None and nested.name != "function":     # what forward does is hidden: a rule may stand for it
        if marks(nested) and nested.is_marked(x):
            return True
        if nested.holds(x):
            return any(_comes(nested.outer.nested, o, marks) for o in nested.made_of(x))
        nested = nested.outer.nested
    return False


def _what(found: Any) -> str:
    return f"{len(found)} returns" if isinstance(found, tuple) else f"a {type(found)}"


def _mapped(cls: Any, nested: Nested, args: tuple) -> Any:
    """The user's `vmap`, outside, on tensors with the batch in them."""
    def inner(a: Any) -> bool:
        return isinstance(a, Tensor) and nested.holds(a)
    dims = tree_map(lambda a: nested.axis_of(a) if inner(a) else None, args)
    outside = tree_map(lambda a: nested.unwrap(a) if inner(a) else a, args)
    enabled = state.tape.grad
    with nested.outside(), set_grad_enabled(enabled and state.tape.grad):      # no_grad inside holds there, too
        found = cls.vmap(VmapInfo(nested.batch, nested.randomness), dims, *outside)      # type: ignore[arg-type]
    if not (isinstance(found, tuple) and len(found) == 2):
        raise RuntimeError("Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure "
                           f"compatible with the output. Got {_what(found)} instead")
    out, out_dims = found
    leaves, spec = tree_flatten(out)
    flat = broadcast_prefix(out_dims, spec)
    if flat is None:
        raise RuntimeError("The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected "
                           f"out_dims={out_dims} to be compatible with the structure of `output`. out_dims has structure "
                           f"{tree_structure(out_dims)} but output has structure {spec}. {MORE}")
    for k, (x, d) in enumerate(zip(leaves, flat, strict=True)):
        if isinstance(x, Tensor) and d is not None:
            a, d = x._node.aval, wrap_dim(d, x.dim())
            leaves[k] = nested.input(x, aval_of(a.shape[:d] + a.shape[d + 1:], a.dtype, a.device), axis=d)
    return spec.unflatten(leaves)


def _without_rule(cls: Any) -> bool:
    """Whether a call of `cls` is differentiated as what its forward records: within a jvp, which must be linear in the tangents,
    and where backward, which may call the function itself, has been recorded around it `ORDERS` times."""
    count, nested = 0, state.tape.nested
    while nested is not None:
        if nested.name == "jvp_rule":
            return True
        count += nested.rule_of is cls
        nested = nested.outer.nested
    return count >= ORDERS


class _Call:
    """One call: forward, and what is to differentiate it, each on a tape of its own."""

    def __init__(self, cls: Any, own: set[str], args: tuple) -> None:
        self.cls, self.own, self.args = cls, own, args
        self.tensors = [k for k, a in enumerate(args) if isinstance(a, Tensor)]
        self.ctx = InsideCtx()
        self.ctx.needs_input_grad = tuple([isinstance(a, Tensor) and a.requires_grad for a in args])    # type: ignore[assignment]
        self.results: list = []
        self.plain = _without_rule(cls)

    def run(self, kwargs: dict, forward_mode: bool) -> Any:
        """Records the call; returns what forward returned, outside."""
        closed, several = self._forward(kwargs)
        places = [k for k, r in enumerate(self.results) if isinstance(r, Tensor)]
        constant = [any(self.results[k] is c for c in self.ctx._constant) for k in places]
        rest, kept = len(closed.outs) - len(places), self._sources(places)
        flags = (*[not c for c in constant], *[False] * rest)
        rule = f"{self.cls.__name__}GeneratedBackward"
        differentiated = any(self.ctx.needs_input_grad) and state.tape.grad
        if self.plain:
            out = entry("function", [closed], (self.cls,), lambda f: f, flags=flags, rule=rule)
        elif forward_mode and "jvp" in self.own:
            push, wrt = self._push(places, state.tape.nested.name == "dual")
            out = entry("function", [closed, push], (self.cls, "jvp", kept),
                        lambda f, p: with_pushforward(f, p, len(places), kept, len(self.tensors)), flags=flags, rule=rule)
        elif differentiated or forward_mode:
            pull, wrt = self._pull(places)
            out = entry("function", [closed, pull], (self.cls, "pull", tuple(wrt), kept),
                        lambda f, p: with_pullback(f, p, len(places), kept, wrt), flags=flags, rule=rule)
        else:
            out = entry("function", [closed], (self.cls,), lambda f: f, flags=flags, rule=rule)
        return self._hand_out(closed.apply_effects(out), places, several)

    def _forward(self, kwargs: dict) -> tuple[Closed, bool]:
        # without a rule of its own, what forward records is differentiated
        with Nested("function", grad=self.plain and state.tape.grad) as inside:
            inside.plain = self.plain
            inner = [inside.input(a) if isinstance(a, Tensor) else a for a in self.args]
            self.inner = inner
            if "setup_context" in self.own:
                output = self.cls.forward(*inner, **kwargs)
                self.cls.setup_context(self.ctx, tuple(inner), output)
            else:
                output = self.cls.forward(self.ctx, *inner, **kwargs)
            self.results = list(output) if isinstance(output, tuple) else [output]
            self.kept = self.ctx.kept()
            self._refuse_returned()
            closed = inside.close([*[r for r in self.results if isinstance(r, Tensor)], *[t for _, _, t in self.kept]])
        return closed, isinstance(output, tuple)

    def _refuse_returned(self) -> None:
        """torch's error where `setup_context` saves an argument that forward has returned as it was."""
        same = [r for r in self.results if any(r is i for i in self.inner) and not any(r is d for d in self.ctx._dirty)]
        if "setup_context" in self.own and any(where is not None and any(t is r for r in same) for where, _, t in self.kept):
            raise RuntimeError(SAVED_AS_IS)

    def _pull(self, places: list[int]) -> tuple[Closed, list[int]]:
        """The user's backward: (kept, cotangents) -> gradients; and of which tensor arguments they are."""
        with Nested("backward", grad=True) as inside:
            inside.rule_of = self.cls
            ctx = self._stand_ins(inside)
            cotangents = [inside.input(r, rg=r._node.aval.differentiable) if isinstance(r, Tensor) else None for r in self.results]
            backward = self.cls.backward if self.cls.backward.__name__ != "undefined_backward" else self.cls.vjp
            found = backward(ctx, *cotangents)
            found = found if isinstance(found, tuple) else (found,)
            n = len(self.args)
            if len(found) > n and all(g is None for g in found[n:]):
                found = found[:n]
            if len(found) != n:
                raise RuntimeError(f"function {self.cls.__name__}Backward returned an incorrect number of gradients (expected {n}, "
                                   f"got {len(found)})")
            wrt = [j for j, k in enumerate(self.tensors) if found[k] is not None and self.args[k]._node.aval.differentiable]
            name, numbers = f"{self.cls.__name__}Backward", [self.tensors[j] for j in wrt]
            closed = inside.close([fitted(name, k, self.args[k], found[k]) for k in numbers])
        return _captured_only(closed, len(self.kept) + len(places)), wrt

    def _push(self, places: list[int], dual: bool) -> tuple[Closed, list[int]]:
        """The user's jvp: (kept, tangents) -> tangents of the results."""
        with Nested("jvp_rule", grad=True) as inside:
            inside.rule_of = self.cls
            ctx = self._stand_ins(inside).for_jvp()
            tangents = [inside.input(a, rg=True) if isinstance(a, Tensor) and a._node.aval.differentiable else None
                        for a in self.args]
            found = self.cls.jvp(ctx, *tangents)
            found = found if isinstance(found, tuple) else (found,)
            check_tangents(self.ctx, self.results, found)
            if dual:
                check_shared(self.ctx, self.results, found, self.args, self.inner, tangents)
            wrt = [j for j, k in enumerate(self.tensors) if self.args[k]._node.aval.differentiable]
            closed = inside.close([hooks.zeros(self.results[k]._node.aval) if found[k] is None else found[k] for k in places
                                   if self.results[k]._node.aval.differentiable])
        return _captured_only(closed, len(self.kept) + len(wrt)), wrt

    def _sources(self, places: list[int]) -> tuple[tuple[bool, int], ...]:
        """Where what was kept is found: arguments and results keep their place in the graph, what lies between is constant."""
        found = []
        for i, (_, _, t) in enumerate(self.kept):
            given = next((j for j, k in enumerate(self.tensors) if self.inner[k] is t), None)
            result = next((j for j, k in enumerate(places) if self.results[k] is t), len(places) + i)
            found.append((False, result) if given is None else (True, given))
        return tuple(found)

    def _stand_ins(self, inside: Nested) -> InsideCtx:
        return self.ctx.with_stand_ins(self.kept, [inside.input(t, rg=t._node.aval.differentiable) for _, _, t in self.kept])

    def _hand_out(self, found: tuple, places: list[int], several: bool) -> Any:
        outs = list(self.results)
        for k, r in zip(places, found, strict=False):
            original = next((a for a, i in zip(self.args, self.inner, strict=True) if i is self.results[k]), None)
            if any(self.results[k] is d for d in self.ctx._dirty) and original is not None:
                r = assign(original, r)
            outs[k] = r
        return tuple(outs) if several else outs[0]


def _captured_only(closed: Closed, given: int) -> Closed:
    """Its first operands come from the derivative, not from the tape."""
    closed.operands = closed.operands[given:]
    return closed
