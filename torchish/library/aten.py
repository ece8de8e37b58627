"""torch.ops.aten: the table of ops under the names that PyTorch's dispatcher has for them.

In: a name, tensors.  Out: the public function of that name, or what stands for it in torch.nn.functional or among the methods.
All overloads of a name are one function here; an overload's name must be one that ATen uses.
Source: https://docs.pytorch.org/docs/stable/user_guide/torch_compiler/torch.compiler_ir.html
"""
from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import fft, linalg, native, special, undocumented
from ..copies import COPIES
from ..foreach import FOREACH
from ..missing import explain, reason
from ..namespace import namespace as t
from ..nn import functional as F
from ..ops.check import require, wrap_dim
from ..tensor import Tensor
from .gradients import GRADIENTS
from .kernels import KERNELS, REDUCTIONS
from .operators import Namespace, namespace_of, namespaces

__all__ = ["Aten", "AtenOverload", "AtenPacket", "namespace_of"]

OVERLOADS = re.compile(r"default|(\w+_)?out|\w*Scalar\w*|\w*Tensor\w*|\w*List\w*|int\w*|float\w*|complex\w*|bool|str|vec|dims?\w*|"
                       r"self\w*|other\w*|[xn]_scalar|generator\w*|input|output|dtype\w*|grad_input|data|values?|correction|any|a|x|mode|using_ints|"
                       r"using_symints|memory_format\w*|padding|periodic|start\w*|step|end|size|sizes|unary_out|binary|names\w*|low\w*|from\w*|"
                       r"ord_\w+|reduce\w*|src|source|indices|sections|two_args|value_reduce|stable\w*|device|this|layout|rank")
SPACES = {"fft": fft, "linalg": linalg, "special": special}
PUBLIC = {**vars(undocumented), **vars(native), **COPIES, **FOREACH, **vars(t)}


def _by_number(function: Callable) -> Callable:
    """A loss whose reduction is 0, 1 or 2."""
    def loss(input: Tensor, target: Tensor, reduction: int = 1, *more: Any, **options: Any) -> Any:
        names = ("delta",) if function is F.huber_loss else ("beta",)
        return function(input, target, reduction=REDUCTIONS[reduction], **dict(zip(names, more, strict=False)), **options)
    return loss


def _softmax(function: Callable) -> Callable:
    return lambda input, dim, half_to_float=False: function(input.float() if half_to_float else input, dim)


def _to_copy(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
             non_blocking: bool = False, memory_format: Any = None) -> Any:
    options = {} if memory_format is None else {"memory_format": memory_format}
    return input.to(device=device, dtype=dtype, copy=True, **options)


def _slice(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    require(input.dim() > 0, "slice() cannot be applied to a 0-dim tensor.", IndexError)
    return input[(slice(None),) * wrap_dim(dim, input.dim()) + (slice(start, end, step),)]


def _safe_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """softmax that is 0 where everything is masked, and so is its gradient."""
    masked = (input == float("-inf")).all(dim, keepdim=True)
    return t.softmax(input.masked_fill(masked, 0), dim, dtype=dtype).masked_fill(masked, 0)


# where the public function of the name is missing, or takes other arguments
OWN: dict[str, Callable] = {
    **KERNELS, **GRADIENTS,
    "_softmax": _softmax(t.softmax), "_log_softmax": _softmax(t.log_softmax), "_to_copy": _to_copy,
    "slice": _slice, "_safe_softmax": _safe_softmax,
    "_unsafe_view": lambda input, size: input.reshape(size), "alias": lambda input: input.view(input.shape),
    "_pin_memory": Tensor.pin_memory, "_local_scalar_dense": Tensor.item, "log_sigmoid": F.logsigmoid,
    "sym_size": Tensor.size, "sym_stride": Tensor.stride, "sym_numel": Tensor.numel,
    "copy": lambda input, src, non_blocking=False: src.to(input.dtype).expand(input.shape).clone(),
    **{name: _by_number(getattr(F, name)) for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss")}}
# of torch.nn.functional, with the arguments that ATen has
SAME = {"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "elu",
        "gelu", "glu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "linear", "mish", "one_hot", "pad", "relu6", "silu",
        "softplus", "scaled_dot_product_attention"}


def _function(name: str) -> Callable | None:
    if name in OWN:
        return OWN[name]
    if name in SAME:
        return getattr(F, name)
    found = PUBLIC.get(name) or (None if name.startswith("_") else getattr(Tensor, name, None)) or _derived(name)
    if found is None and (why := reason(name)) is not None:
        return partial(_refuse, name, why)
    return found if callable(found) and not isinstance(found, type) else None


def _derived(name: str) -> Callable | None:
    """Of a name that says where its function is: special_erf, fft_fftshift; or uniform, which is uniform_ of a copy."""
    space, _, rest = name.partition("_")
    if space in SPACES and rest:
        return getattr(SPACES[space], rest, None)
    write = None if name.startswith("_") else getattr(Tensor, f"{name}_", None)
    return None if write is None else lambda input, *args, **options: write(input.clone(), *args, **options)


def _refuse(name: str, why: str, *args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError(f"torch.ops.aten.{name}: out of scope: {why}")


class AtenOverload:
    """torch.ops.aten.<name>.<overload>: called, it is the packet."""

    def __init__(self, packet: AtenPacket, name: str) -> None:
        self._overloadpacket = self.overloadpacket = packet
        self._overloadname, self.namespace, self.__name__ = name, "aten", f"{packet.__name__}.{name}"
        self.__module__ = packet.__module__

    def name(self) -> str:
        """aten::name.overload"""
        return self._overloadpacket._qualified_op_name + ("" if self._overloadname == "default" else f".{self._overloadname}")

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._overloadpacket(*args, **kwargs)

    def __deepcopy__(self, memo: dict) -> AtenOverload:
        return self

    def __str__(self) -> str:
        return f"{self._overloadpacket}.{self._overloadname}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self._overloadpacket}', overload='{self._overloadname}')>"


class AtenPacket:
    """torch.ops.aten.<name>."""

    def __init__(self, name: str, function: Callable) -> None:
        self.__name__, self.__module__, self.namespace = name, "torch.ops.aten", "aten"
        self._qualified_op_name, self._function = f"aten::{name}", function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):       # asked by Python, of a copy that has nothing yet
            raise AttributeError(name, name=name, obj=self)
        if not OVERLOADS.fullmatch(name):
            raise AttributeError(f"The underlying op of '{self}' has no overload name '{name}'", name=name, obj=self)
        found = self.__dict__[name] = AtenOverload(self, name)
        return found

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        function = self._function
        if "self" in kwargs:        # ATen's name of the tensor that comes first, and of the second one of where
            if self.__name__ == "where":
                kwargs["input"] = kwargs.pop("self")
            else:
                function = partial(function, kwargs.pop("self"))
        return function(*args, **kwargs)

    def __deepcopy__(self, memo: dict) -> AtenPacket:
        return self

    def __str__(self) -> str:
        return f"aten.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"


class Aten(Namespace):
    """torch.ops.aten."""

    def __getattr__(self, name: str) -> Any:
        function = None if name.startswith("__") and name.endswith("__") else _function(name)
        if function is None:
            raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'. {explain(name, [*PUBLIC, *SAME])}",
                                 name=name, obj=self)
        found = self.__dict__[name] = AtenPacket(name, function)
        return found


namespaces["aten"] = Aten("aten")
