"""torch.autograd.graph: nodes and edges, hooks over several gradients, hooks for saved tensors.

In: tensors and nodes of the graph.  Out: edges that stand for them, contexts that change what saving does.
Saved tensors are those of custom functions (`save_for_backward`) and, while hooks are on, what the gradients of ops depend on.
Source: https://docs.pytorch.org/docs/stable/autograd.html#autograd-graph
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..grad_fn import AccumulateGrad, GradFn, edge_of, leaf_node
from ..handles import RemovableHandle
from ..nodes import stand_in
from ..storage import storage_of
from ..tensor import Tensor
from ..walk import running
from .context import BackwardCFunction
from .saving import packing

__all__ = ["GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
           "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
           "set_warn_on_accumulate_grad_stream_mismatch"]


class Node(ABC):
    """A node of the backward graph. What nodes are, nobody inherits from it: `isinstance` and `issubclass` tell."""

    @abstractmethod
    def name(self) -> str:
        """torch's name of the node, `AddBackward0`."""

    @property
    @abstractmethod
    def next_functions(self) -> tuple:
        """(node, which of its results) for each tensor the op took."""

    @abstractmethod
    def metadata(self) -> dict:
        """A dictionary for the user."""

    @property
    @abstractmethod
    def _input_metadata(self) -> list:
        """What the gradients that come to the node look like."""

    @abstractmethod
    def register_hook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn(grad_inputs, grad_outputs)` in every backward; a tuple that it returns replaces `grad_inputs`."""

    @abstractmethod
    def register_prehook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn(grad_outputs)` before the node is gone through; a tuple that it returns replaces them."""


Node.register(GradFn)


class GradientEdge(NamedTuple):
    """The place of a gradient in the graph: a node and which of its results. `ownership_token` keeps the graph alive."""
    node: GradFn
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Where the gradient of `tensor` is computed; usable in place of it as a root or an input of autograd."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    if tensor._leaf:
        return GradientEdge(leaf_node(tensor), 0)
    return GradientEdge(*edge_of(tensor), tensor)      # type: ignore[arg-type, union-attr]


def _get_grad_fn_or_grad_acc(t: Tensor | GradientEdge) -> GradFn:
    """The node at which the gradient of a tensor arrives: its `grad_fn`, or that of the leaf."""
    if isinstance(t, GradientEdge):
        return t.node
    return get_gradient_edge(t).node


def tensor_at(edge: GradientEdge) -> Tensor:
    """A tensor that stands at an edge."""
    node = edge.node
    if isinstance(node, AccumulateGrad):
        return node.variable
    if isinstance(node, BackwardCFunction):
        step = node._step() if node._step is not None else None
        if step is None:
            raise RuntimeError(f"{node.name()} belongs to a graph that is gone")
        return stand_in(step, edge.output_nr)
    return stand_in(node._place.now(), node._node.outs[edge.output_nr].slot)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Tells that a tensor was changed by other means, so that saved tensors notice."""
    tensors = [tensor] if isinstance(tensor, Tensor) else list(tensor) if isinstance(tensor, Iterable) else [None]
    if not all(isinstance(x, Tensor) for x in tensors):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    for x in tensors:
        base = storage_of(x)
        base._version_count += 1
        if x._view is not None:
            x._view.version = base._version_count


class _MultiHandle(RemovableHandle):
    """Removes the hooks of several tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Takes all of them out."""
        for handle in self.handles:
            handle.remove()

    def __getstate__(self) -> Any:
        return self.handles

    def __setstate__(self, state: Any) -> None:
        self.handles = state


class _All:
    """Collects the gradients of one backward, and calls the user when all that will come have come."""

    def __init__(self, tensors: Sequence[Tensor], fn: Callable) -> None:
        self.tensors, self.fn = tensors, fn
        self.calls: dict[int, tuple[int, list]] = {}     # backward -> how many are still to come, what came

    def hook(self, k: int) -> Callable:
        """The hook of the k-th tensor."""
        def arrived(grad: Tensor) -> None:
            walk = running[-1]
            left, grads = self.calls.get(walk.id) or (sum(walk.reaches(x) for x in self.tensors), [None] * len(self.tensors))
            grads[k] = grad
            self.calls[walk.id] = (left - 1, grads)
            if left == 1:
                del self.calls[walk.id]
                self.fn(grads)
        return arrived


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all") -> RemovableHandle:
    """mode "all": calls `fn(grads)` when the gradients of all tensors that a backward reaches are known; "any": `fn(grad)` with
    the first of them."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "all":
        if not all(x.requires_grad for x in tensors):
            raise AssertionError("Expected gradient function to be set")
        together = _All(tensors, fn)
        return _MultiHandle([x.register_hook(together.hook(k)) for k, x in enumerate(tensors)])
    seen: list[int] = []

    def first(grad: Tensor) -> None:
        if running[-1].id not in seen:
            seen[:] = [running[-1].id]
            fn(grad)
    return _MultiHandle([x.register_hook(first) for x in tensors if x.requires_grad])


class saved_tensors_hooks:
    """Inside, `pack_hook` makes of each saved tensor what is kept, `unpack_hook` the tensor again."""

    def __init__(self, pack_hook: Callable, unpack_hook: Callable) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if packing.disabled is not None:
            raise RuntimeError(packing.disabled)
        packing.push(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args: object) -> None:
        packing.pop()


class save_on_cpu(saved_tensors_hooks):
    """Inside, saved tensors are kept in the memory of the host."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: (x.device, x.cpu()), lambda packed: packed[1].to(packed[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside, hooks for saved tensors are refused with this message."""
    if packing.hooks:
        raise RuntimeError(error_message)
    before, packing.disabled = packing.disabled, error_message
    try:
        yield
    finally:
        packing.disabled = before


class _AllowMutationOnSavedContext:
    """What `allow_mutation_on_saved_tensors` hands out: `clear()` drops the copies."""

    def clear(self) -> None:
        """Nothing is held here: copies belong to what saved them."""


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutationOnSavedContext]:
    """Inside, a saved tensor may be overwritten before backward, which sees it as it was."""
    if packing.mutable:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    packing.mutable.append({})
    try:
        yield _AllowMutationOnSavedContext()
    finally:
        packing.mutable.pop()


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Whether to warn when a gradient comes to a leaf from another stream than the leaf's: there are no streams, so never."""
    if not isinstance(enabled, bool):
        raise RuntimeError(f"enabled must be a bool, but got {type(enabled).__name__}")
