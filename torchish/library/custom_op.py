"""torch.library.custom_op: a Python function as an operator that autograd and transforms do not look into.

In: a function, what it writes to, or a schema.  Out: a CustomOpDef, which is called like the function.
Source: https://docs.pytorch.org/docs/stable/library.html#torch.library.custom_op
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..tags import Tag, tags_of
from .operators import KEYS, OpOverload, OpOverloadPacket, namespace_of
from .schema import Schema, infer_schema, parse, split_name

__all__ = ["CustomOpDef", "custom_op", "declare"]


def declare(schema: Schema) -> OpOverload:
    """The operator of a schema, without kernels, as torch.ops.<namespace>.<name>.<overload>."""
    namespace, name = split_name(schema.name)
    space = namespace_of(namespace)
    packet = vars(space).get(name) or OpOverloadPacket(namespace, name)
    if (schema.overload_name or "default") in packet._overloads:
        raise RuntimeError(f"Tried to register an operator ({schema}) with the same name and overload name multiple times. Each "
                           "overload's schema should only be registered with a single call to def().")
    setattr(space, name, packet)
    overload = packet._overloads[schema.overload_name or "default"] = OpOverload(packet, schema)
    return overload


class CustomOpDef:
    """An operator with the function that computes it; rules are added with its methods."""

    def __init__(self, namespace: str, name: str, schema: str, fn: Callable) -> None:
        self._namespace, self._name, self._init_fn = namespace, name, fn
        self._qualname = f"{namespace}::{name}"
        space = namespace_of(namespace)
        if name in vars(space):     # a notebook's cell that is run again
            delattr(space, name)
        self._opoverload = declare(parse(schema, self._qualname))
        self._opoverload.opaque = True
        self._disabled: set[str] = set()

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._opoverload(*args, **kwargs)

    def register_kernel(self, device_types: str | Sequence[str] | None, fn: Callable | None = None, /) -> Callable:
        """The function for tensors on these devices; None says all."""

        def register(kernel: Callable) -> Callable:
            for place in ["default"] if device_types is None else [device_types] if isinstance(device_types, str) else device_types:
                self._opoverload.kernels[KEYS.get(place, place)] = self._switchable(place, kernel)
            return kernel
        return register if fn is None else register(fn)

    def _switchable(self, place: str, kernel: Callable) -> Callable:
        def run(*args: Any, **kwargs: Any) -> Any:
            return (self._init_fn if place in self._disabled else kernel)(*args, **kwargs)
        return run

    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Any:
        """Turns the kernel of a device off (the operator's first function is used there), or on; as a context, for a while."""
        before = device_type in self._disabled
        (self._disabled.discard if enabled else self._disabled.add)(device_type)
        return _Undo(lambda: (self._disabled.add if before else self._disabled.discard)(device_type))

    def register_fake(self, fn: Callable, /) -> Callable:
        """A function that gives empty tensors of the shapes and dtypes of the results; used for tensors without values."""
        self._opoverload.fake = fn
        return fn

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """backward(ctx, *grads) gives a gradient for each argument; setup_context(ctx, inputs, output) keeps what it needs."""
        self._opoverload.differentiate_by(backward, setup_context)

    def register_vmap(self, func: Callable | None = None) -> Any:
        """func(info, in_dims, *args) gives the results for a batch, and their batch dimensions."""
        if func is None:
            return self.register_vmap
        self._opoverload.rule.vmap = func
        self._opoverload.rule.__dict__.pop("function", None)
        return func

    def register_autocast(self, device_type: str, cast_inputs: Any) -> None:
        """Under autocast on the device, floating arguments are cast to `cast_inputs`."""
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if device_type not in ("cpu", "cuda"):
            raise ValueError(f"Unknown device type: {device_type}")
        self._opoverload.casts[device_type] = cast_inputs


class _Undo:
    """As a context: takes a change back at its end."""

    def __init__(self, back: Callable[[], Any]) -> None:
        self.back = back

    def __enter__(self) -> _Undo:
        return self

    def __exit__(self, *error: object) -> None:
        self.back()


def custom_op(name: str, fn: Callable | None = None, /, *, mutates_args: str | Iterable[str],
              device_types: str | Sequence[str] | None = None, schema: str | None = None, tags: Any = None) -> Any:
    """The function as the operator `name`, "namespace::name"; without `fn`, a decorator.

    `mutates_args` names the arguments that are written to, or is "unknown".  The schema is that of the annotations, or `schema`.
    ValueError for a function that has no schema; `tags` are kept as the operator's.
    """
    def make(function: Callable) -> CustomOpDef:
        text = infer_schema(function, mutates_args=mutates_args) if schema is None else schema
        namespace, own = split_name(name)
        given = tags_of(() if tags is None else tags)
        made = CustomOpDef(namespace, own, text, function)
        made._opoverload.tags = [Tag.pt2_compliant_tag, *given]
        if schema is not None and mutates_args != "unknown":
            given = {mutates_args} if isinstance(mutates_args, str) else set(mutates_args)
            if given != (said := {a.name for a in made._opoverload._schema.written}):
                raise ValueError(f"Attempted to create a custom op with `mutates_args={given}` and `schema={schema}. The schema "
                                 f"suggests that the op mutates {said} which is different from what was provided to us in "
                                 "`mutates_args`. Please make these consistent.")
        made.register_kernel(device_types)(function)
        return made
    return make if fn is None else make(fn)
