"""Custom operators: what `torch.ops.namespace.name` gives, and what a call of it does.

In: schemas, kernels, rules for autograd, autocast and vmap.  Out: results of the kernel that fits, differentiable by the rule.
A kernel is Python over tensors: what it computes is recorded on the tape like everything else, unless it looks at values.
Source: https://docs.pytorch.org/docs/stable/library.html
"""
from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any, Self

from ..amp.autocast_mode import autocast, is_autocast_enabled
from ..bodies import tensors_of
from ..modes import no_grad
from ..storage import storage_of
from ..tags import Tag
from ..tape import WATCHED, state
from ..tensor import Tensor
from ..watching import watchers
from .differentiated import Rule, called
from .schema import Schema, split_name

__all__ = ["ALIASES", "KEYS", "OpOverload", "OpOverloadPacket", "below_autograd", "namespace_of", "namespaces", "operator"]

# the names of a kernel's place: those of torch's dispatcher, and those of devices
KEYS = {"default": "CompositeExplicitAutograd", "": "CompositeImplicitAutograd", "cpu": "CPU", "cuda": "CUDA", "meta": "Meta"}
COMPOSITE = ("CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional", "CompositeImplicitAutograd")
AUTOGRAD = {"cpu": "AutogradCPU", "cuda": "AutogradCUDA"}
ALIASES = ("The output of this custom operator (1) must not also be an input to this custom operator and (2) may not alias any "
           "inputs to this custom operator or other returns. The most common way to trigger this error is if we have y = "
           "custom_op(x) and y and x are the same Tensor. Please instead return a clone of the offending output tensor(s) (e.g. "
           "return x.clone()) or refactor the custom operator to not return y.")
namespaces: dict[str, Namespace] = {}


class _Below:
    """Whether calls go past the kernels for autograd: inside such a kernel, where it asks for that."""
    autograd = False


_below = _Below()


class below_autograd:
    """Inside, a call of an operator takes the kernel below the one for autograd."""

    def __enter__(self) -> None:
        self.before, _below.autograd = _below.autograd, True

    def __exit__(self, *error: object) -> None:
        _below.autograd = self.before


def _tensors(values: Any) -> Iterator[Tensor]:
    for x in values:
        if isinstance(x, Tensor):
            yield x
        elif isinstance(x, list | tuple):
            yield from _tensors(x)


class OpOverload:
    """One operator: a schema, its kernels by dispatch key, and rules."""

    def __deepcopy__(self, memo: Any) -> Self:
        """Itself: there is one operator of a name."""
        return self

    def __init__(self, packet: OpOverloadPacket, schema: Schema) -> None:
        self._schema, self._overloadpacket = schema, packet
        self._overloadname = schema.overload_name or "default"
        self.namespace = packet.namespace
        self.__name__ = f"{packet.__name__}.{self._overloadname}"
        self.__module__ = packet.__module__
        self.kernels: dict[str, Callable] = {}
        self.casts: dict[str, Any] = {}
        self.fake: Callable | None = None
        self.rule = Rule(f"{packet._qualified_name.replace('::', '_')}_{self._overloadname}")
        self.tags: list[Tag] = []
        self.opaque = False     # of custom_op: autograd does not look inside

    def name(self) -> str:
        """namespace::name.overload"""
        return self._schema.name + (self._schema.overload_name and f".{self._schema.overload_name}")

    overloadpacket = property(lambda self: self._overloadpacket)

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self._schema.name.replace('::', '.')}', overload='{self._overloadname}')>"

    def __str__(self) -> str:
        return f"{self._overloadpacket}.{self._overloadname}"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        values, named = self._schema.bind(args, kwargs)
        return self.call(values, named)

    def differentiate_by(self, backward: Callable, setup_context: Callable | None) -> None:
        """Takes a rule for its gradient; RuntimeError where it writes into its arguments."""
        if self._schema.written:
            raise RuntimeError(f"Cannot register autograd formula for non-functional operator {self} with schema {self._schema}. "
                               "Please create a functional operator and register an autograd formula for that.")
        self.rule.backward, self.rule.setup_context = backward, setup_context

    def call(self, values: list, named: dict[str, Any]) -> Any:
        """What the operator gives for bound arguments."""
        tensors = tensors_of(list(_tensors([*values, *named.values()])))
        place = tensors[0].device.type if tensors else "cpu"
        if place in self.casts and is_autocast_enabled(place):
            values, named = [self._cast(x, place) for x in values], {k: self._cast(x, place) for k, x in named.items()}
            with autocast(place, enabled=False):
                return self.call(values, named)
        above = None if _below.autograd else self.kernels.get("Autograd") or self.kernels.get(AUTOGRAD.get(place, ""))
        if above is not None:
            return above(*values, **named)
        differentiable = state.tape.grad and any(x.requires_grad for x in tensors) and not self._schema.written
        if differentiable and (self.opaque or self.rule.backward) or (self.rule.vmap and state.tape.nested is not None):
            return called(self, values, named)
        if not self.opaque:
            return self._computed(self.kernel(place), values, named)
        with no_grad():
            return self.run(values, named)

    def run(self, values: list, named: dict[str, Any]) -> Any:
        """The results of the kernel alone; of `custom_op`, RuntimeError where one shares memory with an argument."""
        tensors = list(_tensors([*values, *named.values()]))
        result = self._computed(self.kernel(tensors[0].device.type if tensors else "cpu"), values, named)
        if self.opaque:
            results = list(_tensors([result]))
            owners = {id(storage_of(x)) for x in tensors}
            if any(id(storage_of(x)) in owners for x in results) or len({id(storage_of(x)) for x in results}) < len(results):
                raise RuntimeError(f"{self._overloadpacket.__name__} (with implementation in {self.__module__}): {ALIASES}")
        return result

    def _computed(self, kernel: Callable, values: list, named: dict[str, Any]) -> Any:
        """What a kernel gives; watchers may take the call as one thing."""
        if state.tape.extra & WATCHED:
            return watchers.run(self._overloadpacket, kernel, values, named)
        return kernel(*values, **named)

    def _cast(self, x: Any, place: str) -> Any:
        if isinstance(x, list | tuple):
            return type(x)([self._cast(item, place) for item in x])
        floating = isinstance(x, Tensor) and x.is_floating_point() and x.dtype.itemsize < 8
        return x.to(self.casts[place]) if floating else x

    def kernel(self, place: str) -> Callable:
        """The kernel for tensors there. NotImplementedError where there is none."""
        if place == "meta" and self.fake is not None:
            return self.fake
        for key in (KEYS.get(place, place), *COMPOSITE):
            if key in self.kernels:
                return self.kernels[key]
        there = ", ".join(sorted(self.kernels)) or "none"
        raise NotImplementedError(f"Could not run '{self.name()}' with arguments from the '{KEYS.get(place, place)}' backend. "
                                  f"It has kernels for: {there}. Add one with torch.library.impl")


class OpOverloadPacket:
    """The overloads of one name; called, it is the first that the arguments fit."""

    def __deepcopy__(self, memo: Any) -> Self:
        """Itself: there is one operator of a name."""
        return self

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace, self.__name__, self.__module__ = namespace, name, f"torch.ops.{namespace}"
        self._qualified_name = self._qualified_op_name = f"{namespace}::{name}"
        self._overloads: dict[str, OpOverload] = {}

    def overloads(self) -> list[str]:
        """Their names."""
        return list(self._overloads)

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__.get("_overloads", {}).get(name)
        if found is None:
            raise AttributeError(f"The underlying op of '{self}' has no overload name '{name}'", name=name, obj=self)
        return found

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"

    def __str__(self) -> str:
        return self._qualified_name.replace("::", ".")

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        *others, last = self._overloads.values()
        for overload in others:
            try:
                values, named = overload._schema.bind(args, kwargs)
            except RuntimeError:
                continue
            return overload.call(values, named)
        return last(*args, **kwargs)


class Namespace(types.ModuleType):
    """torch.ops.<name>: the packets of a namespace as attributes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"torch.ops.{name}")
        self.name = name

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'_OpNamespace' '{self.__dict__.get('name')}' object has no attribute '{name}'", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self.name}' from 'torch.ops'>"


def namespace_of(name: str) -> Namespace:
    """torch.ops.<name>, made when it is first asked for."""
    return namespaces.get(name) or namespaces.setdefault(name, Namespace(name))


def operator(qualified: Any) -> OpOverload | None:
    """The operator that "namespace::name.overload", or an object of this file, means; None where there is none."""
    if isinstance(qualified, OpOverload):
        return qualified
    if isinstance(qualified, OpOverloadPacket):
        return next(iter(qualified._overloads.values()))
    space, rest = split_name(qualified)
    name, _, overload = rest.partition(".")
    packet = vars(namespaces[space]).get(name) if space in namespaces else None
    return packet._overloads.get(overload or "default") if isinstance(packet, OpOverloadPacket) else None
