"""Methods that write into a tensor, and views that are properties.

In: a tensor and what is to stand in it.  Out: the same tensor, with every tensor that shares its storage up to date.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import c_name
from .layouts import contiguous_format, preserve_format
from .ops.engine import fill, zero
from .recorder import hooks, record
from .storage import assign, bind, byte_offset, copy_into
from .tape import state
from .warned import warn, warn_once

__all__ = ["Writes"]


class Writes:
    """The part of Tensor that overwrites."""

    def copy_(self, other: Any, non_blocking: bool = False) -> Any:
        """`other`, broadcast and cast, written into this tensor; the gradient goes to `other`."""
        if isinstance(other, (bool, int, float, complex)):
            return self.fill_(other)
        if not isinstance(other, hooks.tensor):
            raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(other).__name__}")
        return copy_into(self, other if other._node.aval.device == self._node.aval.device else other.to(self.device))

    def fill_(self, value: Any) -> Any:
        """`value` in every place."""
        if isinstance(value, hooks.tensor):
            if value.ndim:
                raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
            return copy_into(self, value if value._view is None else value.clone())
        if not isinstance(value, (bool, int, float, complex)):
            if not isinstance(value, np.generic):
                raise TypeError(f"fill_() received an invalid combination of arguments - got ({type(value).__name__}), but "
                                "expected one of:\n * (Tensor value)\n * (Number value)\n")
            value = value.item()
        if self.requires_grad and not self._leaf and state.tape.grad:
            return assign(self, record(fill, (self, value)))
        return assign(self, hooks.constant_like(self, value))

    def zero_(self) -> Any:
        """Zero in every place."""
        if self.requires_grad and not self._leaf and state.tape.grad:
            return assign(self, record(zero, (self,)))
        return assign(self, hooks.constant_like(self, 0))

    def contiguous(self, memory_format: Any = None) -> Any:
        """This tensor with its elements in row-major order (or another memory format): itself, or a copy."""
        if self.is_contiguous(None if memory_format is preserve_format else memory_format):
            return self
        if memory_format is preserve_format:
            raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
        return self.clone(memory_format=memory_format or contiguous_format)

    def detach_(self) -> Any:
        """Cuts this tensor from its graph, in place."""
        if self._is_view():
            raise RuntimeError("Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) "
                               "for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and "
                               "hence detach_() cannot be called on these gradients. To fix this error, please refer to the "
                               "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.")
        if self._leaf:
            return self._require_grad(False)
        bind(self, self.detach())       # the values stay: views that are there keep their graphs
        return self

    def share_memory_(self) -> Any:
        """Itself: arrays of JAX are not moved to shared memory."""
        if self.is_meta:
            raise RuntimeError("_share_fd_: only available on CPU")
        return self

    def pin_memory(self, device: Any = None) -> Any:
        """Itself: JAX copies to the accelerator without pinned memory."""
        if self.is_meta:
            raise RuntimeError(f"cannot pin 'Meta{c_name(self.dtype)}Type' only dense CPU tensors can be pinned")
        return self

    def is_pinned(self, device: Any = None) -> bool:
        """False."""
        return False

    def storage_offset(self) -> int:
        """How many elements after the start of its storage a view begins: logical, as strides are."""
        return byte_offset(self) // self._node.aval.dtype.itemsize

    def new_tensor(self, data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
                   pin_memory: bool = False) -> Any:
        """A tensor of `data` with the dtype and device of this one."""
        if isinstance(data, hooks.tensor):
            warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
                 "sourceTensor.detach().clone().requires_grad_(True), rather than tensor.new_tensor(sourceTensor).")
        out = hooks.as_tensor(data, dtype or self.dtype, device or self.device)
        out = out.detach().clone() if out is data else out
        return out._begun(requires_grad)

    @property
    def T(self) -> Any:
        """The dimensions in reverse order."""
        if self.ndim not in (0, 2):
            warn_once("The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will "
                      "throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
                      "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor.")
        elif not self.ndim:
            _warn_scalar("Tensor.T")
        return self.permute(tuple(range(self.ndim - 1, -1, -1)))

    @property
    def mT(self) -> Any:
        """The last two dimensions exchanged."""
        if not self.ndim:
            _warn_scalar("Tensor.mT")
            return self
        if self.ndim < 2:
            raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
        return self.transpose(-2, -1)

    @property
    def H(self) -> Any:
        """The conjugate transpose of a matrix."""
        if self.ndim not in (0, 2):
            raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor. For batches of "
                               "matrices, consider using tensor.mH")
        if not self.ndim:
            _warn_scalar("Tensor.H")
            return self.conj()
        return self.transpose(-2, -1).conj()

    @property
    def mH(self) -> Any:
        """The conjugate of the last two dimensions exchanged."""
        if self.ndim == 1:
            raise RuntimeError(f"tensor.mH is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
        if not self.ndim:
            _warn_scalar("Tensor.mH")
            return self.conj()
        return self.transpose(-2, -1).conj()

    @property
    def real(self) -> Any:
        """The real parts."""
        return hooks.public["real"](self) if self.is_complex() else self

    @real.setter
    def real(self, value: Any) -> None:
        _part(self.real, value)

    @property
    def imag(self) -> Any:
        """The imaginary parts of a complex tensor."""
        if not self.is_complex():
            raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
        return hooks.public["imag"](self)

    @imag.setter
    def imag(self, value: Any) -> None:
        _part(self.imag, value)


def _warn_scalar(name: str) -> None:
    warn(f"{name} is deprecated on 0-D tensors. This function is the identity in these cases.")


def _part(part: Any, value: Any) -> None:
    """A number or tensor written into the real or imaginary part that was asked for."""
    copy_into(part, value if isinstance(value, hooks.tensor) else hooks.as_value(value, part))
