"""torch._functorch.eager_transforms: the transforms of torch.func by their private path.

In: functions of tensors.  Out: transformed functions; for libraries, the arguments that `argnums` names.
"""
from __future__ import annotations

from typing import Any

from ..func import debug_unwrap, functionalize, hessian, jacfwd, jacrev, jvp, linearize, vjp
from ..func.arguments import places_of
from ..missing import missing

__all__ = ["debug_unwrap", "functionalize", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp"]


def _as_tuple(val: Any) -> tuple:
    """`val`, in a tuple where it is none."""
    return val if isinstance(val, tuple) else (val,)


def _slice_argnums(args: tuple, argnums: int | tuple[int, ...], as_tuple: bool = True) -> Any:
    """The arguments at `argnums`: a tuple, or with as_tuple=False what stands at the one number given.

    Errors: RuntimeError as torch's, for what is no int, for numbers given twice, for places that are not there.
    """
    found = tuple([args[n] for n in places_of(argnums, len(args))])
    return found if as_tuple or isinstance(argnums, tuple) else found[0]


__getattr__ = missing("torch._functorch.eager_transforms", globals())
