"""torch.device, and which of JAX's devices it means.

In: 'cpu', 'cuda', 'cuda:1', an index.  Out: `device` objects, `jax.Device` through `to_jax`.
JAX is asked for its devices when the first tensor is placed, never at import.
Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.device
"""
from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, overload

import jax

__all__ = ["META", "chosen", "cuda_device_count", "cuda_is_available", "device", "from_jax", "get_default_device", "is_meta",
           "place", "set_default_device", "to_jax"]

TYPES = ("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy",
         "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone")
_NAME = re.compile(r"([A-Za-z_]+)(?::(0|[1-9][0-9]*))?")
_SIGNATURES = "\n * (torch.device device)\n * (str type, int index = -1)\n"


class device:
    """torch.device: a type and, perhaps, an index. 'cuda' is the accelerator that JAX has, whoever made it.

    As a context manager it is the device of new tensors that name none.
    """
    __slots__ = ("index", "type")
    type: str
    index: int | None

    @overload
    def __new__(cls, device: Any) -> device: ...

    @overload
    def __new__(cls, type: str, index: int = -1) -> device: ...

    def __new__(cls, *args: Any, **kwargs: Any) -> device:
        given = dict(kwargs)
        if len(args) == 1 and not kwargs:
            return _named(args[0]) if isinstance(args[0], str) else _from_other(args[0])
        names = ("type", "index") if "device" not in given else ("device", "index")
        given.update(zip(names, args, strict=False))
        type_ = given.get("device", given.get("type"))
        if isinstance(type_, device) and len(given) == 1:
            return type_
        if len(args) > 2 or not given or set(given) - set(names) or len(given) < len(args) + len(kwargs):
            raise TypeError(_wrong(args, kwargs))
        if not isinstance(type_, str):
            raise TypeError(f"device(): argument 'type' (position 1) must be str, not {_type_name(type_)}")
        return _from_parts(type_, given.get("index"), "index" in given)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + ("" if self.index is None else f", index={self.index}") + ")"

    def __reduce__(self) -> tuple:
        return device, ((self.type,) if self.index is None else (self.type, self.index))

    def __enter__(self) -> device:
        _state.outer.append(_state.default)
        _state.default = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        _state.default = _state.outer.pop()


def _make(type_: str, index: int | None) -> device:
    made = object.__new__(device)
    object.__setattr__(made, "type", type_)
    object.__setattr__(made, "index", index)
    return made


CPU = _make("cpu", None)
META = "meta"       # the device of tensors that have no data


class _State:
    """The device of new tensors, and those of the `with` blocks around it."""
    __slots__ = ("default", "outer")

    def __init__(self) -> None:
        self.default, self.outer = CPU, []


_state = _State()


def get_default_device() -> device:
    """The device of new tensors that name none."""
    return _state.default


def set_default_device(device: Any) -> None:
    """Sets the device of new tensors that name none; None sets it back to the CPU."""
    _state.default = CPU if device is None else _to_device(device)


def _to_device(value: Any) -> device:
    return value if isinstance(value, device) else device(value)


def _from_other(value: Any) -> device:
    """A device from a device, or from the index of an accelerator."""
    if isinstance(value, device):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(_wrong((value,), {}))
    if value < 0:
        raise RuntimeError("Device index must not be negative")
    if not cuda_is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return _make("cuda", value)


@lru_cache(64)
def _named(name: str) -> device:
    """The device of a name, as every reading of `Tensor.device` asks for it."""
    return _from_parts(name, None, False)


def _from_parts(name: str, index: Any, indexed: bool) -> device:
    if not name:
        raise RuntimeError("Device string must not be empty")
    match = _NAME.fullmatch(name)
    if match is None:
        raise RuntimeError(f"Invalid device string: '{name}'")
    type_, digits = match.groups()
    if type_ not in TYPES:
        raise RuntimeError(f"Expected one of {', '.join(TYPES)} device type at start of device string: {type_}")
    if not indexed:
        return _make(type_, None if digits is None else int(digits))
    if digits is not None:
        raise RuntimeError(
            f"type (string) must not include an index because index was passed explicitly: {name}")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool)):
        raise TypeError(f"device(): argument 'index' (position 2) must be int, not {_type_name(index)}")
    if index is not None and index < 0:
        raise RuntimeError("Device index must not be negative")
    return _make(type_, index)


def _type_name(value: Any) -> str:
    return type(value).__name__


def _wrong(args: tuple, kwargs: dict[str, Any]) -> str:
    got = ", ".join([_type_name(a) for a in args] + [f"{k}={_type_name(v)}" for k, v in kwargs.items()])
    return f"device() received an invalid combination of arguments - got ({got}), but expected one of:{_SIGNATURES}"


def _accelerators() -> list[jax.Device]:
    return [d for d in jax.local_devices() if d.platform != "cpu"]


def cuda_device_count() -> int:
    """The number of accelerators that JAX has in this process."""
    return len(_accelerators())


def cuda_is_available() -> bool:
    """Whether JAX has an accelerator."""
    return cuda_device_count() > 0


def to_jax(device: Any) -> jax.Device:
    """JAX's device for one of torch's (or for what names one). Raises as a CPU build of torch where there is none."""
    wanted = _to_device(device)
    if wanted.type == "cpu":
        return jax.local_devices(backend="cpu")[0]
    if wanted.type == "cuda":
        found = _accelerators()
        if not found:
            raise AssertionError("Torch not compiled with CUDA enabled. JAX has no accelerator here; see jax.devices()")
        position = wanted.index or 0
        if position >= len(found):
            raise RuntimeError(f"CUDA error: invalid device ordinal. '{wanted}' is asked for, JAX has {len(found)}")
        return found[position]
    if wanted.type == "xpu":
        raise AssertionError("Torch not compiled with XPU enabled. JAX's accelerator is called 'cuda'")
    raise RuntimeError(f"PyTorch is not linked with support for {wanted.type} devices. torchish has 'cpu', 'cuda' "
                       "(the accelerator that JAX has) and 'meta' (tensors without data)")


def chosen(device: Any) -> Any:
    """The device that a factory was asked for, or the default one; None where nothing is to be moved: made on the CPU, it stays."""
    if device is not None:
        return device
    return None if _state.default is CPU else _state.default


def is_meta(device: Any) -> bool:
    """Whether what a factory was asked for, or by default makes, is on meta."""
    wanted = _state.default if device is None else device
    return wanted is not CPU and _to_device(wanted).type == META


def place(device: Any = None) -> str:
    """The name under which tensors of this device are kept: "cpu", "cuda:0", "meta"; of the default device for None."""
    wanted = _state.default if device is None else _to_device(device)
    return wanted.type if wanted.type in ("cpu", META) else str(from_jax(to_jax(wanted)))


def from_jax(found: jax.Device) -> device:
    """torch's device for one of JAX's: 'cpu', or 'cuda' with its position among the accelerators."""
    return CPU if found.platform == "cpu" else _make("cuda", _accelerators().index(found))
