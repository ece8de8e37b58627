"""Functions of torch.nn.functional that draw random numbers beside dropout: rrelu, gumbel_softmax.

In: tensors; numbers come from the generator of the facade.  Out: tensors.
"""
from __future__ import annotations

from typing import Any

from .table import composite

__all__: list[str] = []


@composite(name="F_rrelu", forms="F")
def rrelu(t: Any, input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False,
          inplace: bool = False) -> Any:
    """input where positive, elsewhere times a slope drawn from [lower, upper] (their mean unless training)."""
    slope = t.rand_like(input) * (upper - lower) + lower if training else (lower + upper) / 2
    out = t.where(input >= 0, input, input * slope)
    return input.copy_(out) if inplace else out


@composite(forms="F")
def gumbel_softmax(t: Any, logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A sample of the concrete distribution; if hard, one-hot in value with the gradient of the soft one."""
    gumbels = -t.empty_like(logits.detach()).exponential_().log()
    soft = t.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.argmax(dim, keepdim=True)
    return t.zeros_like(logits.detach()).scatter_(dim, index, 1.0) - soft.detach() + soft
