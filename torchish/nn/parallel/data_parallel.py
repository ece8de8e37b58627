"""DataParallel on one device.

In: a module.  Out: a wrapper that calls it on the whole batch.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.DataParallel.html
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from ..module import Module
from . import scatter_gather as pieces

__all__ = ["DataParallel", "data_parallel"]

T = TypeVar("T", bound=Module)


class DataParallel(Module, Generic[T]):
    """Calls `module` on the whole batch; the state has the prefix "module.", as in torch.

    Differs from torch: nothing is split, whatever devices are named. torchish runs on one device.
    """

    def __init__(self, module: T, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module, self.dim = module, dim
        self.device_ids = list(device_ids or [])
        self.output_device = self.device_ids[0] if output_device is None and self.device_ids else output_device

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)

    def replicate(self, module: Module, device_ids: Sequence[Any]) -> list[Module]:
        """The module, once for each device."""
        return pieces.replicate(module, device_ids)

    def scatter(self, inputs: tuple, kwargs: dict | None, device_ids: Sequence[Any]) -> Any:
        """The arguments in pieces."""
        return pieces.scatter(inputs, device_ids, self.dim), pieces.scatter(kwargs or {}, device_ids, self.dim)

    def parallel_apply(self, replicas: Sequence[Module], inputs: Sequence[Any], kwargs: Any) -> list[Any]:
        """Each replica on its piece."""
        return pieces.parallel_apply(replicas, inputs, kwargs)

    def gather(self, outputs: Any, output_device: Any) -> Any:
        """The results in one."""
        return pieces.gather(outputs, output_device, self.dim)


def data_parallel(module: Module, inputs: Any, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0,
                  module_kwargs: dict | None = None) -> Any:
    """module(*inputs, **module_kwargs) on one device."""
    return module(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))
