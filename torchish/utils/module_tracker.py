"""torch.utils.module_tracker: in which modules a program is at this moment, forwards and backwards.

In: calls of modules inside `with ModuleTracker() as tracker`.  Out: `tracker.parents`, the names of the modules that are at work.
Source: https://docs.pytorch.org/docs/stable/module_tracker.html
"""
from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from weakref import WeakKeyDictionary

from ..autograd.graph import register_multi_grad_hook
from ..autograd.variable import Variable
from ..nn.module import Module, register_module_forward_hook, register_module_forward_pre_hook
from ..tensor import Tensor
from ..walk import running
from ._pytree import tree_leaves

__all__ = ["ModuleTracker"]

log = logging.getLogger(__name__)


class ModuleTracker:
    """`parents`: names of the modules at work, such as "Model.layer.0", and "Global"; `is_bw`: whether a backward runs.

    A module that was called by no other gives its class's name to those it contains. Where neither the arguments nor the results of
    a module require grad, a backward does not show that it is in it.
    """

    def __init__(self) -> None:
        self.parents = {"Global"}
        self._names: WeakKeyDictionary[Module, str] = WeakKeyDictionary()
        self._left = ExitStack()
        self._ends_noted = False

    @property
    def is_bw(self) -> bool:
        """Whether a backward runs."""
        return bool(running)

    def __enter__(self) -> ModuleTracker:
        self._left.callback(register_module_forward_pre_hook(self._begin).remove)
        self._left.callback(register_module_forward_hook(self._end, always_call=True).remove)
        return self

    def __exit__(self, *error: object) -> None:
        self._left.close()

    def _name(self, module: Module) -> str:
        if module not in self._names:
            root = type(module).__name__
            for path, part in module.named_modules():
                self._names.setdefault(part, f"{root}.{path}" if path else root)
        return self._names[module]

    def _begin(self, module: Module, args: Any) -> None:
        name = self._name(module)
        self._enter(name)
        self._when_known(args, lambda grads: self._leave(name), "all")

    def _end(self, module: Module, args: Any, result: Any) -> None:
        name = self._name(module)
        self._leave(name)
        self._when_known(result, lambda grad: self._enter(name), "any")

    def _when_known(self, values: Any, fn: Callable, mode: str) -> None:
        """Calls `fn` in a later backward, when the gradients of what is in `values` are there."""
        tensors = [x for x in tree_leaves(values) if isinstance(x, Tensor) and x.requires_grad]
        if tensors and not self.is_bw:
            register_multi_grad_hook(tensors, fn, mode=mode)

    def _enter(self, name: str) -> None:
        if self.is_bw and not self._ends_noted:
            self._ends_noted = True
            Variable._execution_engine.queue_callback(self._backward_ends)
        if name in self.parents:
            log.info("The module hierarchy tracking seems to be broken as this Module was already entered. %s during %s", name,
                     "backward" if self.is_bw else "forward")
        self.parents.add(name)

    def _leave(self, name: str) -> None:
        if name not in self.parents:
            log.info("The module hierarchy tracking is confused as we're exiting a Module that was never entered. %s during %s",
                     name, "backward" if self.is_bw else "forward")
        self.parents.discard(name)

    def _backward_ends(self) -> None:
        """Modules whose arguments require no grad are left here."""
        self._ends_noted = False
        self.parents = {"Global"}
