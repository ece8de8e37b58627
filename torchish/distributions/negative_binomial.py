"""The negative binomial distribution.

In: total_count, probs or logits.  Out: samples, log-densities.
Source: https://docs.pytorch.org/docs/stable/distributions.html#negativebinomial
"""
from __future__ import annotations

from typing import Any

from .. import api as torch
from ..nn.functional import logsigmoid
from ..tensor import Tensor
from . import constraints
from .binary import BinaryParam
from .distribution import Distribution
from .gamma import Gamma
from .utils import broadcast_all, lazy_property, need_one

__all__ = ["NegativeBinomial"]


class NegativeBinomial(BinaryParam, Distribution):
    """Successes before `total_count` failures."""

    arg_constraints = {"total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
                       "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, total_count: Tensor | float, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        need_one(probs, logits)
        if probs is not None:
            self.total_count, self.probs = broadcast_all(total_count, probs)
            self.total_count, self._param = self.total_count.type_as(self.probs), self.probs
        else:
            self.total_count, self.logits = broadcast_all(total_count, logits)
            self.total_count, self._param = self.total_count.type_as(self.logits), self.logits
        super().__init__(self._param.size(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> NegativeBinomial:
        return self._expanded(NegativeBinomial, batch_shape, _instance)

    @property
    def mean(self) -> Tensor:
        return self.total_count * torch.exp(self.logits)

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / torch.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self) -> Gamma:
        return Gamma(concentration=self.total_count, rate=torch.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return torch.poisson(self._gamma.sample(sample_shape=sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        unnormalized = self.total_count * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        normalizer = (-torch.lgamma(self.total_count + value) + torch.lgamma(1.0 + value) + torch.lgamma(self.total_count))
        # no failures to wait for: 0 with certainty
        return unnormalized - normalizer.masked_fill(self.total_count + value == 0.0, 0.0)
