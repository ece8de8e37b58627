"""functorch: the package that PyTorch brings beside `torch`, with the names that torch.func had before.

`python -m torchish` answers `import functorch` with this module.
Source: https://docs.pytorch.org/docs/stable/func.migrating.html
"""
from __future__ import annotations

from .._functorch.deprecated import (
    combine_state_for_ensemble,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    make_functional,
    make_functional_with_buffers,
    vjp,
    vmap,
)
from .._functorch.make_functional import FunctionalModule, FunctionalModuleWithBuffers
from ..missing import explain
from ..torch_version import __version__

__all__ = ["FunctionalModule", "FunctionalModuleWithBuffers", "__version__", "combine_state_for_ensemble", "functionalize",
           "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "make_functional", "make_functional_with_buffers",
           "vjp", "vmap"]


def __getattr__(name: str) -> object:
    sentence = f"module 'functorch' has no attribute '{name}'"
    raise AttributeError(sentence if name.startswith("__") else f"{sentence}. {explain(name, __all__)}", name=name)
