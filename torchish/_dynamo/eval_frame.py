"""torch._dynamo.eval_frame: the class of what torch.compile makes of a module in PyTorch.

In: modules of which a library asks whether they are compiled.  Out: they are not: torch.compile returns what it is given.
"""
from __future__ import annotations

from ..missing import missing
from ..nn.module import Module

__all__ = ["OptimizedModule"]


class OptimizedModule(Module):
    """No module is one."""


__getattr__ = missing("torch._dynamo.eval_frame", globals())
