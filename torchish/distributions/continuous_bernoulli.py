"""The continuous Bernoulli distribution: density proportional to p^x (1 - p)^(1 - x) on [0, 1].

In: probs or logits.  Out: samples, log-densities.
Source: https://docs.pytorch.org/docs/stable/distributions.html#continuousbernoulli
"""
from __future__ import annotations

import math
from typing import Any

from .. import api as torch
from ..api import Size
from ..data_dependent import true_for_all
from ..nn.functional import binary_cross_entropy_with_logits
from ..tensor import Tensor
from . import constraints
from .binary import BinaryParam
from .exp_family import ExponentialFamily
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs, need_one, plain

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(BinaryParam, ExponentialFamily):
    """Continuous Bernoulli distribution; where probs lies within `lims`, around 1/2, series replace formulas that cancel."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 lims: tuple[float, float] = (0.499, 0.501), validate_args: bool | None = None) -> None:
        need_one(probs, logits)
        if probs is not None:
            self.probs, = broadcast_all(probs)
            if validate_args is not None and not true_for_all(self.arg_constraints["probs"].check(self.probs)):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
            self._param = self.probs
        else:
            self.logits, = broadcast_all(logits)
            self._param = self.logits
        self._lims = lims
        shape = Size() if plain(logits if probs is None else probs) else self._param.size()
        super().__init__(shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ContinuousBernoulli:
        return self._expanded(ContinuousBernoulli, batch_shape, _instance, _lims=self._lims)

    def _outside_unstable_region(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self) -> Tensor:
        """`probs`, those close to 1/2 replaced by a number that does no harm."""
        return torch.where(self._outside_unstable_region(), self.probs, self._lims[0] * torch.ones_like(self.probs))

    def _by_region(self, exact: Tensor, series: Tensor) -> Tensor:
        return torch.where(self._outside_unstable_region(), exact, series)

    def _cont_bern_log_norm(self) -> Tensor:
        """The log of the density's normaliser."""
        cut = self._cut_probs()
        below, above = cut.clamp(max=0.5), cut.clamp(min=0.5)
        size = torch.where(cut <= 0.5, torch.log1p(-2.0 * below), torch.log(2.0 * above - 1.0))
        exact = torch.log(torch.abs(torch.log1p(-cut) - torch.log(cut))) - size
        x2 = torch.pow(self.probs - 0.5, 2)
        return self._by_region(exact, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x2) * x2)

    @property
    def mean(self) -> Tensor:
        cut, x = self._cut_probs(), self.probs - 0.5
        exact = cut / (2.0 * cut - 1.0) + 1.0 / (torch.log1p(-cut) - torch.log(cut))
        return self._by_region(exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * torch.pow(x, 2)) * x)

    @property
    def stddev(self) -> Tensor:
        return torch.sqrt(self.variance)

    @property
    def variance(self) -> Tensor:
        cut, x2 = self._cut_probs(), torch.pow(self.probs - 0.5, 2)
        exact = (cut * (cut - 1.0) / torch.pow(1.0 - 2.0 * cut, 2)
                 + 1.0 / torch.pow(torch.log1p(-cut) - torch.log(cut), 2))
        return self._by_region(exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x2) * x2)

    @lazy_property
    def probs(self) -> Tensor:
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        cut = self._cut_probs()
        exact = (torch.pow(cut, value) * torch.pow(1.0 - cut, 1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        inside = self._by_region(exact, value)
        return torch.where(value <= 0.0, 0.0, torch.where(value >= 1.0, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        cut = self._cut_probs()
        exact = ((torch.log1p(-cut + value * (2.0 * cut - 1.0)) - torch.log1p(-cut))
                 / (torch.log(cut) - torch.log1p(-cut)))
        return self._by_region(exact, value)

    def entropy(self) -> Tensor:
        low, high = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (low - high) - self._cont_bern_log_norm() - low

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.logits,

    def _log_normalizer(self, x: Tensor) -> Tensor:     # type: ignore[override]
        """log((e^x - 1) / x); around 0, where both cancel, x / 2 and the series of log(sinh(x / 2) / (x / 2))."""
        near = x.abs() < 0.1
        far = torch.where(near, 1.0, x)
        exact = far.clamp(min=0.0) + torch.log(-torch.expm1(-far.abs())) - torch.log(far.abs())
        h2 = torch.square(0.5 * torch.where(near, x, 0.0))
        return torch.where(near, 0.5 * x + h2 * (1.0 / 6.0 - h2 * (1.0 / 180.0 - h2 / 2835.0)), exact)
