"""Functions of torch.nn.functional that draw random numbers beside dropout: rrelu, gumbel_softmax.

In: tensors; numbers come from the generator of the facade.  Out: tensors.
"""
from __future__ import annotations

from typing import Any

from ..warned import warn
from .table import composite

__all__: list[str] = []


@composite(name="F_rrelu", forms="F")
def rrelu(t: Any, input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False,
          inplace: bool = False) -> Any:
    """input where positive, elsewhere times a slope drawn from [lower, upper] (their mean unless training).

    In training the values decide how many numbers are drawn: the step ends here.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if training:
        out = (input * t._rrelu_slopes(input, lower, upper)).to(input.dtype)
    else:
        out = t.leaky_relu(input, (lower + upper) / 2)
    return input.copy_(out) if inplace else out


@composite(forms="F")
def gumbel_softmax(t: Any, logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A sample of the concrete distribution; if hard, one-hot in value with the gradient of the soft one."""
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    gumbels = -t.empty_like(logits.detach()).exponential_().log()
    soft = t.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.argmax(dim, keepdim=True)
    return t.zeros_like(logits.detach()).scatter_(dim, index, 1.0) - soft.detach() + soft
