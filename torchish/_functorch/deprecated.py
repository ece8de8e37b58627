"""torch._functorch.deprecated: what the package `functorch` has, each with the warning that torch.func has taken its place.

In: functions of torch.func and of make_functional.  Out: the same with a FutureWarning at the user's line.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import func
from ..missing import missing
from ..warned import warn
from . import make_functional as before

__all__ = ["combine_state_for_ensemble", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
           "make_functional", "make_functional_with_buffers", "vjp", "vmap"]


def _deprecated(function: Callable, instead: str | None = None) -> Callable:
    instead = instead or f"torch.func.{function.__name__}"

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        warn("We've integrated functorch into PyTorch. As the final step of the integration, "
             f"`functorch.{function.__name__}` is deprecated as of PyTorch 2.0 and will be deleted in a future version of "
             f"PyTorch >= 2.3. Please use `{instead}` instead; see the PyTorch 2.0 release notes and/or the `torch.func` "
             "migration guide for more details https://pytorch.org/docs/main/func.migrating.html", FutureWarning)
        return function(*args, **kwargs)
    return wrapper


vmap = _deprecated(func.vmap, "torch.vmap")
grad = _deprecated(func.grad)
grad_and_value = _deprecated(func.grad_and_value)
vjp = _deprecated(func.vjp)
jvp = _deprecated(func.jvp)
jacrev = _deprecated(func.jacrev)
jacfwd = _deprecated(func.jacfwd)
hessian = _deprecated(func.hessian)
functionalize = _deprecated(func.functionalize)
make_functional = _deprecated(before.make_functional, "torch.func.functional_call")
make_functional_with_buffers = _deprecated(before.make_functional_with_buffers, "torch.func.functional_call")
combine_state_for_ensemble = _deprecated(before.combine_state_for_ensemble, "torch.func.stack_module_state")

__getattr__ = missing("torch._functorch.deprecated", globals())
