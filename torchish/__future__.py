"""torch.__future__: how a module changes what its parameters are made of.

In: flags that a user sets.  Out: flags that `Module.to` and `Module.load_state_dict` read.
Source: https://docs.pytorch.org/docs/stable/future_mod.html
"""
from __future__ import annotations

__all__ = ["get_overwrite_module_params_on_conversion", "get_swap_module_params_on_conversion",
           "set_overwrite_module_params_on_conversion", "set_swap_module_params_on_conversion"]

_flags = {"overwrite": False, "swap": False}


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Whether `Module.to` and the like put new parameters in the place of the old ones."""
    _flags["overwrite"] = value


def get_overwrite_module_params_on_conversion() -> bool:
    """Whether `Module.to` and the like put new parameters in the place of the old ones."""
    return _flags["overwrite"]


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Whether `Module.to` and `load_state_dict` swap the contents of the old parameter and the new one."""
    _flags["swap"] = value


def get_swap_module_params_on_conversion() -> bool:
    """Whether `Module.to` and `load_state_dict` swap the contents of the old parameter and the new one."""
    return _flags["swap"]
