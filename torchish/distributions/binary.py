"""What distributions share that are given by a probability, or by its logits: each is found from the other.

In: `probs` or `logits`, set by the constructor.  Out: the other one, when it is asked for.
"""
from __future__ import annotations

from typing import Any

from ..api import Size
from ..tensor import Tensor
from .utils import lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Binary", "BinaryParam"]


class Binary:
    """`probs` and `logits`."""

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits, is_binary=True)


class BinaryParam(Binary):
    """The same, where the one that was given is kept as `_param`."""

    _param: Tensor

    @property
    def param_shape(self) -> Size:
        return self._param.size()

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._param.new(*args, **kwargs)
