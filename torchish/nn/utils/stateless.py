"""torch.nn.utils.stateless.functional_call, the old name of torch.func.functional_call.

In: a module, values by name, arguments.  Out: what the module computes with them.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.stateless.functional_call.html
"""
from __future__ import annotations

from typing import Any

from ...func.modules import call, reparametrized
from ...warned import warn
from ..module import Module

__all__ = ["functional_call"]

_reparametrize_module = reparametrized      # libraries call it by this name


def functional_call(module: Module, parameters_and_buffers: dict[str, Any], args: Any = None, kwargs: dict | None = None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """module(*args, **kwargs) with other parameters and buffers."""
    warn("`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed in a future "
         "version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in replacement.", FutureWarning)
    return _functional_call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)


def _functional_call(module: Module, parameters_and_buffers: dict[str, Any], args: Any = None, kwargs: dict | None = None, *,
                     tie_weights: bool = True, strict: bool = False) -> Any:
    """The same without the warning, under the name that libraries call it by."""
    return call(module, parameters_and_buffers, args, kwargs, tie_weights, strict)
