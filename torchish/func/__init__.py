"""torch.func: functions of functions: gradients, Jacobians, batches, modules as functions of their parameters.

Each call of a transformed function is one entry of the tape, so transforms nest in any order, stand inside a training step, and
compile once.
Source: https://docs.pytorch.org/docs/stable/func.html
"""
from __future__ import annotations

from ..missing import missing
from .forward import hessian, jacfwd, jvp, linearize
from .modules import functional_call, replace_all_batch_norm_modules_, stack_module_state
from .plain import debug_unwrap, functionalize
from .rearrange import rearrange
from .reverse import grad, grad_and_value, jacrev, vjp
from .vmap import vmap

__all__ = ["debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
           "linearize", "rearrange", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]
__getattr__ = missing("torch.func", globals())
