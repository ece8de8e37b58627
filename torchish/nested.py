"""Tapes inside tapes: a user's function, run on a tape of its own and recorded outside as one entry.

In: a Python function of tensors.  Out: a `Closed`: the function as a pure function of arrays, with the tensors it read; an
`entry` of the tape outside made from one or more of them and a transformation (of ops/transforms.py).

    with Nested("vmap") as inside:
        inner = [inside.input(x) for x in tensors]      # stand-ins, without values
        closed = inside.close([fn(*inner)])
    result, = entry("vmap", [closed], key, make)

The function is run at every call, on its own branch of the trie; what is made from it is kept at the node where its tape ended, so
a second call of the same kind compiles nothing.  What it reads from outside is captured: the tensor is left as it is and becomes an
operand of the entry.  What it writes outside is put back when its tape is closed, and is a further result of the entry,
assigned outside.  Numbers that were seen to change are operands, too.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from sys import getrefcount
from textwrap import indent
from typing import Any

from .avals import Aval, aval_of
from .closed import Closed, entry
from .given import all_of, become
from .hooks import hooks
from .members import Draws
from .modes import no_grad
from .ops.create import filled as FULL
from .ops.transforms import Pure, batched
from .printing import with_suffixes
from .recorder import record, slot_of
from .slots import advance, leaf_slot
from .storage import rebind, refresh, storage_of, version_of
from .tape import DEFAULTS, INFERENCE, INPUT, Node, Tape, needs, slots, state

__all__ = ["Closed", "Nested", "NoMemberError", "NoValueError", "entry", "escaped", "put_outside"]

SHOWN = {"vmap": "BatchedTensor(lvl={}, bdim={}, value="} | dict.fromkeys(
    ("grad", "vjp", "jvp"), "GradTrackingTensor(lvl={}, value=")
IN_PLACE = ("vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that "
            "has more elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped over in a "
            "vmap. Please try to use out-of-place operators instead of inplace arithmetic. If said operator is being called inside "
            "the PyTorch framework, please file a bug report instead.")
DIFFERENTIATED = frozenset(("grad", "vjp", "jvp"))
TRANSFORMS = DIFFERENTIATED | {"vmap"}
KEPT = DIFFERENTIATED | {"function"}      # what is made inside keeps its value for whoever has kept hold of it
OURS = 0        # the thread of a nested tape: nobody's, so that tensors from outside are never taken for its own
_NOBODY = 4     # references to a written tensor that nothing else refers to: the list's, its entry's, the loop's, getrefcount's


def escaped(name: str) -> RuntimeError:
    """The error for a tensor that has outlived the function which made it."""
    if name == "vmap":
        return RuntimeError("Either your tensor may have escaped from inside a function being vmapped and this is a user error "
                            "(see https://pytorch.org/functorch/stable/ux_limitations.html), or there is an "
                            "internal functorch error in `gen_vmap_plumbing` Please file an issue if it looks like the latter")
    return RuntimeError(f"a tensor made inside {name} was used after it returned (functions given to {name} must return what they "
                        "compute, not store it)")


class NoValueError(RuntimeError):
    """The backward of a custom function is recorded inside a transform, and asks for a value."""


class NoMemberError(RuntimeError):
    """A value is asked for that differs between the members of a batch."""


class Nested(Draws):
    """One run of a function on a tape of its own; a context in which what is recorded goes there.

    name: of the transform, for messages and the entry.  forward: derivatives are pushed forward, so no_grad stops only those that
    are pulled back.  batch: for vmap, the size of the batch that inner tensors do not show.  grad: grad mode inside, where it is
    not that outside.  randomness: what random draws do: "error", "same", "different" (for each member of the batch), None: nothing
    special.
    """

    def __init__(self, name: str, forward: bool = False, batch: int | None = None, grad: bool | None = None,
                 randomness: str | None = None) -> None:
        self.name, self.batch, self.randomness = name, batch, randomness
        self.outer: Tape = state.tape
        above = self.outer.nested
        self.level: int = above.level + 1 if above is not None else 1
        self.forward: bool = forward or (above is not None and above.forward)
        # what is differentiated is recorded in inference mode, too
        self.tape = Tape(self.outer.grad if grad is None else grad, nested=self, autocast=self.outer.autocast,
                         extra=self.outer.extra & (DEFAULTS if grad else INFERENCE | DEFAULTS))
        self.tape.thread = OURS
        self.operands: list = []        # the tensor outside that stands at each input
        self.by_kernel = ""     # while a kernel of torch's writes (`in_kernel`): what is said where vmap cannot do that
        self.kernels: dict[int, str] = {}   # id of a tensor that was written so -> the same
        self.writes: dict[int, tuple[Any, Any]] = {}    # id -> (tensor from outside that was written, what it was)
        self.generators: dict[int, tuple[Any, Any]] = {}    # id -> (generator that drew here, what it was before)
        self.closed = False
        # recorded once, run many times (loops, jit): random numbers must be drawn by entries
        self.repeated: bool = above is not None and above.repeated
        # random draws differ between members of a batch, of this function or of one around it
        self.varies: bool = randomness == "different" or (above is not None and above.varies)
        self.in_batch: bool = batch is not None or (above is not None and above.in_batch)
        self.axes: dict[int, int] = {}  # under vmap: the batch's dimension of the operands that have one
        self.given: Iterable[Any] = ()  # the tensors that were passed to the function: what else is outside may not be written
        self.versions: list[int] | None = None      # of the operands, when the function returned
        self._marked: tuple[set[int], int] = (set(), 0)

    tangent_of: Callable[[Any], Any] | None = None      # in a dual level: the tangent of a tensor, to be shown
    lift: Callable[[Any], None] | None = None           # in a dual level: what becomes of a tensor of it that is made a leaf
    pushed: dict[int, Any] | None = None                # number of an input -> its tangent, where these are known
    by_value = False                                    # custom functions stand in its graph as they do outside
    plain = False                                       # a custom function's forward, which is differentiated as it is recorded
    rule_of: Any = None                                 # the custom function whose backward or jvp this is

    def __enter__(self) -> Nested:
        state.tape = self.tape
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not self.closed:
            self._put_back()
            self.closed = True
        state.tape = self.outer

    @contextmanager
    def outside(self) -> Iterator[None]:
        """The tape outside is the current one for a while."""
        state.tape = self.outer
        try:
            yield
        finally:
            self.outer, state.tape = state.tape, self.tape      # it may have ended, and another one have begun

    # tensors that come in

    def input(self, x: Any, aval: Aval | None = None, rg: bool | None = None, axis: int | None = None, mark: bool = False) -> Any:
        """The inner tensor that stands for `x`: with another aval, or requiring a gradient, where that is given.

        axis: the dimension of `x` that is the batch's.  mark: `is_marked` is to tell what depends on it.
        """
        aval = x._node.aval if aval is None else aval
        node = self._input(x, aval, x.requires_grad if rg is None else rg)
        inner = hooks.make(self.tape, node)
        self.tape.inputs.append(inner)
        if axis is not None:
            self.axes[len(self.operands) - 1] = axis
        if axis is not None or mark:
            self._marked[0].add(node.slot)
        return inner

    def _input(self, x: Any, aval: Aval, rg: bool) -> Node:
        tape = self.tape
        key = aval.grad if rg else aval.plain

        def build() -> Node:
            node = Node(tape.node, INPUT)
            node.results([aval], [rg], False)
            node.inputs += 1
            return node
        node = advance(tape, key, build)    # type: ignore[arg-type]
        tape.args.append(None)
        self.operands.append(x)
        return node

    def slot(self, x: Any) -> int:
        """The slot of a tensor that does not stand on this tape as it is: a stale view, a written leaf, one from outside."""
        tape = self.tape
        view = x._view
        if view is not None and version_of(x) != view.version:      # in this order: it may be a view of another one by now
            if self.holds(view.base):
                refresh(x)
            else:
                with self.outside():
                    refresh(x)
        if x._tape is tape:
            return x._node.slot
        if x._home is tape:
            return leaf_slot(tape, x) if x._leaf and tape.grad else x._node.slot
        known = tape.foreign.get(id(x))
        if known is not None and known[1] is x and known[2] is x._pending:
            return known[0]
        if _left_over(x):
            _home(x).nested.revive(x)
            return self.slot(x)
        pending = x._pending
        if pending is not None and not (x._leaf or x._node.rg) and x._node.aval.device == "cpu":
            aval = x._node.aval
            slot = record(FULL, (tuple(aval.shape), pending[0], aval.dtype))._node.slot
        else:
            if pending is not None and not x.is_meta:
                hooks.concrete_pending(x)
                pending = None
            slot = self._capture(_known(x) if id(x) in self.writes and x._data is not None else x)
        tape.foreign[id(x)] = (slot, x, pending)
        return slot

    def _capture(self, x: Any) -> int:
        tape = self.tape
        slot = self._input(x, x._node.aval, x._node.rg or x._leaf).slot
        tape.inputs.append(x)
        if x._graph is not None and x._data is not None:
            tape.upstream[slot] = x._graph
        return slot

    def holds(self, x: Any) -> bool:
        """Whether `x` was made, or written, on this tape."""
        return x._tape is self.tape or x._home is self.tape

    # what is done to them

    def written(self, x: Any, value: Any) -> Any:
        """`x` is about to take a new value (`storage.bind`); the value, as it is to be taken."""
        ours = self.holds(x)
        if self.by_kernel:
            self.kernels[id(x)] = self.by_kernel
        if self.differs(x, value):
            raise RuntimeError(self.by_kernel or IN_PLACE)
        if self.forward and self.batch is None and self.is_marked(x) and x._node.aval.differentiable:
            value = value if self.holds(value) else hooks.public["_alias"](value)
            self._marked[0].add(value._node.slot)       # what has a tangent keeps one, if of zeros
        self.tape.foreign.pop(id(x), None)
        if ours or id(x) in self.writes:
            return value
        before = object.__new__(hooks.tensor)
        become(before, all_of(x))
        lives = before._tape if before._tape is not None else before._home
        if lives is not None and before._data is None:
            lives.tensors.append(before)
        self.writes[id(x)] = (x, before)
        self.operands = [before if o is x else o for o in self.operands]
        return value

    @contextmanager
    def in_kernel(self, refusal: str) -> Iterator[None]:
        """Within it a kernel of torch's writes: what transforms refuse of others is done; what vmap cannot do is refused so."""
        before, self.by_kernel = self.by_kernel, refusal
        try:
            yield
        finally:
            self.by_kernel = before

    def differs(self, x: Any, value: Any) -> bool:
        """Whether under vmap `value` differs between members of the batch and `x`, which is to take it, does not."""
        return self.batch is not None and self.is_marked(value) and not self.is_marked(x)

    def refuse(self, x: Any, value: Any) -> None:
        """torch's error where a function that is differentiated is about to write into a tensor that it was not given."""
        if self.by_kernel or self.name not in DIFFERENTIATED or self.holds(x):
            return
        if any(x is g or storage_of(g) is x for g in self.given):
            return
        op = getattr(value._node, "op", None)
        name = "copy" if op is None else op.name.removesuffix("_write").strip("_")
        name = f"aten::{name}_" + (".Tensor" if name in ("add", "sub", "mul", "div") else "")
        raise RuntimeError("During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to call in-place "
                           f"operation ({name}) that would mutate a captured Tensor. This is not supported; please rewrite the "
                           "function being transformed to explicitly accept the mutated Tensor(s) as inputs.")

    def is_marked(self, x: Any) -> bool:
        """Whether the value of `x` depends on a marked input: under vmap, whether it differs between members of the batch."""
        return self.holds(x) and x._node.slot in self.marked_slots()

    def marked_slots(self) -> set[int]:
        """The slots of this tape whose values depend on a marked input."""
        found, upto = self._marked
        news = []
        node = self.tape.node
        while node.depth > upto and node.parent is not None:
            news.append(node)
            node = node.parent
        for n in reversed(news):
            # of a function on its own tape (vmap, grad) the flags tell where gradients are wanted: tangents pass in any case
            by_flags = self.batch is None and n.op is not None and (n.op.family != "nested" or n.op.name == "function")
            if by_flags and n.op.differentiable is False:      # type: ignore[union-attr]
                continue            # detach and the like: no derivative passes
            reads = slots(n.operands) if n.info.__class__ is tuple or n.info is None else (*n.info.roots, *slots(n.operands))
            if any(s in found for s in reads):
                passes = n.op.differentiable if by_flags else True      # type: ignore[union-attr]
                found.update(o.slot for k, o in enumerate(n.outs) if (passes is True or passes[k]) and
                             (self.batch is not None or o.aval.differentiable))
        self._marked = (found, self.tape.node.depth)
        return found

    def made_of(self, x: Any) -> list:
        """The tensors outside from which `x`, a tensor of this tape, is computed."""
        needed, found, place = {x._node.slot}, [], len(self.operands)
        node: Any = self.tape.node
        while node.parent is not None:
            if node.kind is INPUT:
                place -= 1
                found += [self.operands[place]] * (node.slot in needed)
            elif any(o.slot in needed for o in node.outs):
                needed |= needs(node)
            node = node.parent
        return found

    def in_transform(self) -> bool:
        """Whether this function, or one around it, was given to a transform of torch.func."""
        above = self.outer.nested
        return self.name in TRANSFORMS or (above is not None and above.in_transform())

    def one_by_one(self, fn: Callable[..., Any], *xs: Any) -> Any:
        """fn(*xs) of each member of the batch, whose values it may look at; the results have one shape."""
        outer = [self.unwrap(x) if self.holds(x) else x for x in xs]
        axes = [self.axis_of(x) for x in xs]
        with self.outside():
            found = hooks.stack([fn(*[o if d is None else o.select(d, k) for o, d in zip(outer, axes, strict=True)])
                                 for k in range(self.batch or 0)])
        a = found._node.aval
        return self.input(found, aval_of(a.shape[1:], a.dtype, a.device), rg=False, axis=0)

    # values

    def value(self, x: Any) -> Any:
        """The array of `x`, which this function, or one around it, computes: what is there so far is run outside."""
        if _left_over(x):
            _home(x).nested.revive(x)
            return x._array()
        if self.batch is not None and self.is_marked(x):
            raise NoMemberError("vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling "
                                ".item() on a Tensor, please try to rewrite what you're doing with other operations. If error is "
                                "occurring somewhere inside PyTorch internals, please file a bug report.")
        if self.repeated and self.holds(x):
            raise RuntimeError(f"{self.name}: a value is looked at (item, bool, tolist, printing) in a function that is recorded "
                               "once and run many times; torch.where and torch.cond choose by a value without a look")
        if not self.holds(x):
            with self.outside():
                return hooks.concrete(x) if x._data is None else x._data
        if self.rule_of is not None:
            raise NoValueError(f"{self.rule_of.__name__}: its backward (or jvp) looks at a value (item, numpy, bool, printing). "
                               "Inside a transform it is recorded before there are gradients: compute with tensors there")
        found = self.unwrap(x)
        with self.outside():
            return found._array()

    def revive(self, x: Any) -> None:
        """`x`, which has outlived the function that made it, becomes a tensor of the current tape with the same value.

        Errors: for a tensor of vmap, which has no value without its batch; where what the function read has been written since.
        """
        stale = x._view is not None and version_of(x) != x._view.version
        if self.name not in KEPT or stale or self.versions != [version_of(o) for o in self.operands]:
            raise escaped(self.name)
        closed = Closed(self, (x._node.slot,), ())
        r, = entry(f"{self.name}_left", [closed], (), _plainly)
        x._view, x._leaf = None, False
        x._node, x._tape, x._home, x._data, x._graph, x._pending = r._node, r._tape, r._home, r._data, r._graph, r._pending
        tape = r._tape if r._tape is not None else r._home
        if tape is not None:
            tape.tensors.append(x)

    def choose(self, x: Any) -> None:
        """Python is about to take a branch by the value of `x`."""
        if self.batch is not None and not self.closed and self.is_marked(x):
            raise RuntimeError("vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We "
                               "don't support that yet, please file an issue at https://github.com/pytorch/pytorch/issues .")

    def so_far(self, xs: Sequence[Any], key: tuple = (), make: Callable[..., Any] | None = None, operands: Sequence[Any] = (),
               flags: Any = None) -> tuple:
        """Tensors outside with the values of `xs` (or what `make` gives), from what has been recorded up to now."""
        closed = Closed(self, tuple([slot_of(self.tape, x) for x in xs]), ())
        with self.outside():
            return entry(f"{self.name}_so_far", [closed], key, make or _plainly, operands, flags)

    def unwrap(self, x: Any) -> Any:
        """The tensor outside that `x` stands for; under vmap with the batch at `axis_of(x)`."""
        place = self._place(x)
        if place is not None:
            return self.operands[place]
        if self.batch is None:
            return self.so_far([x])[0]
        size, out = self.batch, 0 if self.is_marked(x) else None
        slot_of(self.tape, x)
        axes = self.in_axes()
        return self.so_far([x], (axes, out, size), lambda f: batched(f, axes, [out], size))[0]

    def axis_of(self, x: Any) -> int | None:
        """Under vmap: where the batch stands in `unwrap(x)`; None where `x` is the same for all members."""
        if not self.is_marked(x):
            return None
        place = self._place(x)
        return 0 if place is None else self.axes.get(place)

    def _place(self, x: Any) -> int | None:
        """Which argument `x` is, as it came."""
        place = next((k for k, i in enumerate(self.tape.inputs) if i is x), None)
        return None if place is None or version_of(x) else place

    def in_axes(self) -> tuple[int | None, ...]:
        """Under vmap: the batch's dimension of each operand."""
        return tuple([self.axes.get(k) for k in range(len(self.operands))])

    def show(self, x: Any) -> str:
        """How `x` is printed."""
        if self.closed:
            if self.name not in KEPT or self.name not in SHOWN or self.versions is None:
                return f"<tensor of {self.name}, which has returned>"
            self.revive(x)
            return self._framed(repr(x), -2, 0)
        if self.batch is not None and not self.is_marked(x):      # the same for all members: no batched tensor
            value = self.unwrap(x)
            with self.outside():
                return repr(value)
        value = self.unwrap(x)
        if self.tangent_of is None:
            with self.outside():
                text = repr(value)
        else:
            text = value._shown(x)
            tangent = self.tangent_of(x)
            if tangent is not None:
                text = with_suffixes(text[:-1], [f"tangent={tangent!r}"], len("tensor("))
        return self._framed(text, self.level, self.axis_of(x))

    def _framed(self, text: str, level: int, axis: int | None) -> str:
        if self.name not in SHOWN:
            return text
        return SHOWN[self.name].format(level, axis) + "\n" + indent(text, "    ") + "\n)"

    # the end

    def close(self, outs: Sequence[Any]) -> Closed:
        """Ends the tape with `outs` (tensors, of this tape or not) as its results. What was written outside is put back."""
        found = [slot_of(self.tape, x) for x in outs]
        effects: list[tuple[Callable[[Any], None], Any]] = []
        for x, _ in list(self.writes.values()):
            if x._view is None and getrefcount(x) > _NOBODY:
                effects.append((partial(put_outside, x, self.kernels.get(id(x), "")), slot_of(self.tape, x)))
        for x in (*self.operands, *[x for x, _ in self.writes.values()]):
            g = x._grad
            if g is not None and self.holds(g):
                effects.append((_grad_setter(x), slot_of(self.tape, g)))
                x._grad = None
        states = []
        for g, _ in self.generators.values():
            if g._lazy is not None and self.holds(g._lazy[0]):
                states.append(g)
                found += [slot_of(self.tape, s) for s in g._lazy]
        self.closed = True
        self._put_back()
        self.versions = [version_of(o) for o in self.operands]
        state.tape = self.outer
        found += [s for _, s in effects]
        return Closed(self, tuple(found), tuple([set_ for set_, _ in effects]), len(outs), tuple(states))

    def _put_back(self) -> None:
        for x, before in self.writes.values():
            grad = x._grad
            become(x, all_of(before))
            if x._view is not None:
                x._view.version = -1        # it was brought up to date with what is put back
            x._grad = grad if grad is None or not self.holds(grad) else before._grad
        written = {id(before): x for x, before in self.writes.values()}
        self.operands = [written.get(id(o), o) for o in self.operands]
        if written:     # what has been recorded outside so far (`so_far`) has read what they were
            outer = self.outer
            outer.inputs = [written.get(id(i), i) for i in outer.inputs]
            outer.leaves = {slot: written.get(id(leaf), leaf) for slot, leaf in outer.leaves.items()}
        for g, before in self.generators.values():
            if g._lazy is not None and self.holds(g._lazy[0]):
                g._lazy = before[0]
                if not self.closed:
                    _, g._base, g._behind = before


def _home(x: Any) -> Any:
    return x._tape if x._tape is not None else x._home


def _left_over(x: Any) -> bool:
    """Whether the function that made `x` has returned."""
    home = _home(x) if x._data is None else None
    return home is not None and home.nested is not None and home.nested.closed


def _known(x: Any) -> Any:
    """A tensor with the value that `x` has here: it has been written with what is known already, and will be put back."""
    same = object.__new__(hooks.tensor)
    same._node, same._data = x._node.aval.plain, x._data
    return same


def put_outside(x: Any, refusal: str, value: Any) -> None:
    """`x`, which was written by a function, takes its new value outside. refusal: as of `Nested.in_kernel`, if a kernel wrote it.

    A leaf takes the value alone: the entry that gives it may stand in the graph for its other results.
    """
    if x._leaf:
        with no_grad():
            value = hooks.public["_alias"](value)
    nested = state.tape.nested
    with nested.in_kernel(refusal) if nested is not None and refusal else nullcontext():
        rebind(x, value)


def _grad_setter(x: Any) -> Callable[[Any], None]:
    return partial(setattr, x, "_grad")


def _plainly(f: Pure) -> Pure:
    return f
