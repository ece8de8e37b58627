"""Backward nodes as torch shows them: views of the tape, made when asked for.

In: a tensor that requires a gradient.  Out: `grad_fn` with `name()` and `next_functions`, down to `AccumulateGrad`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary, ref

from .accumulate import accumulate
from .anomaly import anomaly, traceback_of
from .behind import is_function
from .devices import device as Device
from .graph import SECOND_TIME
from .handles import RemovableHandle, add_to
from .hooks import hooks
from .names import node_name
from .nodes import edges, pull_node
from .saved_values import freed, raw_value, saved_value, shown_names
from .stops import NodeHooks, PostHook, PreHook, add_hook, stop_at
from .tape import INPUT, LEAF, Const, Node, Ref, Tape, input_outs, path, state

__all__ = ["AccumulateGrad", "GradFn", "InputMetadata", "edge_of", "follow", "grad_fn_of", "leaf_node"]


class _Place:
    """Where a graph's entries and leaves are found: an open tape or the graph of an ended one."""

    def __init__(self, home: Any, nodes: list[Node], sources: dict[int, Any]) -> None:
        self.home = home
        self.made = {o.slot: (n, o) for n in nodes for o in n.outs}
        self.sources = sources

    def now(self) -> Any:
        """The open tape, or the graph that it has become."""
        home = self.home
        if isinstance(home, Tape) and home.graph is not None:
            home = self.home = home.graph
        return home


class InputMetadata:
    """Shape, dtype and device of a gradient that comes to a node."""
    is_nested_tensor = is_cpp_nested_tensor = False

    def __init__(self, aval: Any) -> None:
        self.shape, self.dtype, self.device = aval.shape, aval.dtype, Device(aval.device)


class GradFn:
    """A node of the backward graph. What it holds is looked up in the graph when it is asked for."""

    def __init__(self, place: _Place, node: Node, tree: tuple | None = None) -> None:
        self._place, self._node, self._tree = place, node, tree
        self._hash = hash(node)     # it stays what it was if the entry moves to another tape

    def name(self) -> str:
        """torch's name of the node, `AddBackward0`."""
        name = type(self).__name__
        return f"torch::autograd::{name}" if name in ("CopyBackwards", "CopySlices") else name

    @property
    def next_functions(self) -> tuple:
        """(node, which of its results) for each tensor the op took."""
        if self._tree is None:
            made = {s: o for s, (_, o) in self._place.made.items()}
            return tuple(_edge(self._place, o) for o in edges(self._node, made))
        return tuple(_branch(self._place, self._node, part) for part in self._tree)

    @property
    def metadata(self) -> dict:
        """A dictionary for the user; it lives as long as the graph. In anomaly mode it says where the op was called."""
        metadata = self._hooks().metadata
        node = self.__dict__.get("_node")
        if anomaly.enabled and node is not None and node.where:
            metadata.setdefault("traceback_", [traceback_of(node.where[:2])])
        return metadata

    @property
    def _input_metadata(self) -> list:
        """What the gradients that come to the node look like, one for each of its results."""
        return [InputMetadata(o.aval) for o in self._node.outs if o.rg]

    @property
    def requires_grad(self) -> bool:
        """True: there are no nodes where nothing requires a gradient."""
        return True

    def _hooks(self) -> NodeHooks:
        """The hooks of the node, the same for each of its results."""
        home = self._place.now()
        stops = [stop_at(home, o.slot) for o in self._node.outs if o.rg]
        known = next((s.node for s in stops if s.node is not None), None) or NodeHooks()
        for s in stops:
            s.node = known
        return known

    def register_hook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn(grad_inputs, grad_outputs)` in every backward; a tuple that it returns replaces `grad_inputs`.

        grad_inputs: gradients of what the op took; grad_outputs: of its results.
        """
        return add_to(self._hooks().post, fn)

    def register_prehook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn(grad_outputs)` before the node is gone through; a tuple that it returns replaces them."""
        return add_to(self._hooks().pre, fn)

    def __call__(self, *grads: Any) -> Any:
        """The gradients of what the op took, from those of its results; None where none is wanted."""
        expected = sum(o.rg for o in self._node.outs)
        if len(grads) != expected:
            raise TypeError(f"expected {expected} arguments, got {len(grads)} instead")
        for k, g in enumerate(grads):
            if g is not None and not isinstance(g, hooks.tensor):
                raise TypeError(f"argument {k} is not a Variable")
        if self._node.op is not None and self._node.op.saves and freed(self):
            raise RuntimeError(SECOND_TIME)
        below, found = pull_node(self._place.now(), self._node, list(grads), state.tape.grad)
        if all(g is None for g in grads):
            found = [None] * len(below)
        return found[0] if len(found) == 1 else tuple(found)

    def _sequence_nr(self) -> int:
        """The order in which nodes were made: the open tape comes after all graphs."""
        home = self._place.now()
        return (getattr(home, "serial", 1 << 30) << 32) + self._node.depth

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_saved_"):
            return saved_value(self, name.removeprefix("_saved_"))
        if name.startswith("_raw_saved_"):
            return raw_value(self, name.removeprefix("_raw_saved_"))
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __hash__(self) -> int:
        return self._hash

    def __dir__(self) -> list[str]:
        """With the names of the tensors that are saved (`torchviz` and its like look for them)."""
        node = self.__dict__.get("_node")
        if node is None or node.op is None or not node.op.saves or self._tree is not None or freed(self):
            return list(super().__dir__())
        names = shown_names(self)
        return [*super().__dir__(), *[f"_saved_{n}" for n in names], *[f"_raw_saved_{n}" for n in names]]

    def __repr__(self) -> str:
        return f"<{self.name()} object at 0x{id(self):012x}>"


class AccumulateGrad(GradFn):
    """The end of the graph at a leaf: `variable`."""

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def name(self) -> str:
        """torch's name."""
        return "torch::autograd::AccumulateGrad"

    @property
    def next_functions(self) -> tuple:
        """Nothing: the graph ends here."""
        return ()

    @property
    def metadata(self) -> dict:
        """A dictionary for the user."""
        return self.__dict__.setdefault("_metadata", {})

    def register_hook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn((), (grad,))` after the gradient has been accumulated."""
        return add_hook(self.variable, "_post_hooks", PostHook(fn))

    def register_prehook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn((grad,))` before the gradient is accumulated; a tuple that it returns replaces it."""
        return add_hook(self.variable, "_hooks", PreHook(fn))

    def __call__(self, *grads: Any) -> tuple:
        """Accumulates a gradient into the leaf."""
        mode = state.tape.grad
        try:
            accumulate(self.variable, grads[0].detach(), False)
        finally:
            state.tape.set_grad(mode)
        return ()

    def _sequence_nr(self) -> int:
        """The order in which nodes were made: leaves come first in backward."""
        return (1 << 64) - 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at 0x{id(self.variable):012x}>"


_classes: dict[str, type[GradFn]] = {}


def _named(name: str) -> type[GradFn]:
    return _classes.setdefault(name, type(name, (GradFn,), {"__module__": __name__}))


def _edge(place: _Place, slot: Any) -> tuple[GradFn | None, int]:
    if slot is None or isinstance(slot, (Const, Ref)):
        return None, 0
    node, out = place.made[slot]
    if not out.rg:
        return None, 0
    if node.op is not None and node.op.rule == "":      # strides of a value: no node of torch's
        return _edge(place, node.operands[0])
    if node.kind is INPUT or node.kind is LEAF:
        source = place.sources.get(slot)
        if source is None:
            return None, 0
        if isinstance(source, tuple):
            return _at(*source)
        return leaf_node(source), 0
    nr = 0 if out is node else node.outs.index(out)
    name = node_name(node, lambda slot: place.made[slot][1].aval)
    if isinstance(name, tuple):
        return _node(place, node, name[0], name[1:]), nr
    return _node(place, node, name, None), nr


def _node(place: _Place, node: Node, name: str, tree: tuple | None) -> GradFn:
    """The one object that shows an entry, or a part of it, as long as someone holds it."""
    home = place.now()
    if home.shown is None:
        home.shown = WeakValueDictionary()
    known = home.shown.get((node, tree))
    if known is None:
        known = home.shown[node, tree] = _named(name)(place, node, tree)
    return known


def _branch(place: _Place, node: Node, part: Any) -> tuple[GradFn | None, int]:
    """An edge of a node which torch composes of several: to an operand, or to another of these nodes."""
    if isinstance(part, int):
        return _edge(place, node.operands[part])
    if part is None or not any(_branch(place, node, p)[0] for p in part[1:]):
        return None, 0
    return _node(place, node, part[0], part[1:]), 0


def leaf_node(leaf: Any) -> AccumulateGrad:
    """The one node of a leaf, as long as someone holds it."""
    known = leaf._accumulator() if leaf._accumulator is not None else None
    if known is None:
        known = AccumulateGrad(leaf)
        leaf._accumulator = ref(known)
    return known


def _at(graph: Any, slot: int) -> tuple[GradFn | None, int]:
    if is_function(graph):
        return graph.grad_fn(), slot
    return _edge(_Place(graph, graph.entries(), graph.sources), slot)


def edge_of(x: Any) -> tuple[GradFn | None, int]:
    """The backward node that made tensor `x`, and which of its results `x` is."""
    if x._graph is not None:
        return _at(*x._graph)
    return _edge(_on_tape(x._tape or x._home), x._node.slot)


def _on_tape(tape: Tape) -> _Place:
    nodes = path(tape.node)
    sources: dict[int, Any] = {o.slot: t for o, t in zip(input_outs(nodes), tape.inputs, strict=False)}
    sources.update(tape.leaves)
    sources.update(tape.upstream)
    return _Place(tape, nodes, sources)


def follow(shown: Any, again: dict[Node, Node], tape: Tape) -> None:
    """Nodes that users hold go where their entries have gone: `again` says what each has become on `tape`."""
    moved = {key: fn for key, fn in (shown or {}).items() if key[0] in again}
    if not moved:
        return
    place = _on_tape(tape)
    tape.shown = WeakValueDictionary() if tape.shown is None else tape.shown
    for (node, tree), fn in moved.items():
        del shown[node, tree]
        fn._place, fn._node = place, again[node]
        tape.shown[fn._node, tree] = fn


def grad_fn_of(x: Any) -> GradFn | None:
    """The backward node that made tensor `x`; None for the saved value of a leaf, which stands where the leaf does."""
    fn = edge_of(x)[0]
    return None if fn.__class__ is AccumulateGrad else fn
