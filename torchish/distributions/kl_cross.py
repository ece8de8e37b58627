"""KL divergences of distributions of different classes.

In: two distributions.  Out: KL(p || q) of the batch shape; infinite where the support of q is smaller.
"""
from __future__ import annotations

import math
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

__all__: list[str] = []


def _infinite(p: Any, q: Any) -> Tensor:
    shape = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    like = p.mean
    return torch.full(shape, math.inf, dtype=like.dtype, device=like.device)


_NARROWER = {  # p -> the classes of q whose support lacks a part of p's
    Beta: [Pareto],
    ContinuousBernoulli: [Pareto],
    Exponential: [Beta, ContinuousBernoulli, Pareto, Uniform],
    Gamma: [Beta, ContinuousBernoulli, Pareto, Uniform],
    Gumbel: [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    Laplace: [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    Normal: [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    Pareto: [Beta, ContinuousBernoulli, Uniform],
    Poisson: [Bernoulli, Binomial],
}
for _p, _qs in _NARROWER.items():
    for _q in _qs:
        register_kl(_p, _q)(_infinite)


def _to_normal(p: Any, q: Normal) -> Tensor:
    """-H(p) plus the expected -log density of q, which is quadratic."""
    distance = (p.mean - q.loc).pow(2) + p.variance
    return -p.entropy() + 0.5 * distance / q.scale.pow(2) + 0.5 * math.log(2 * math.pi) + q.scale.log()


for _p in (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform):
    register_kl(_p, Normal)(_to_normal)


def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


for _p in (Beta, ContinuousBernoulli, Gamma, Pareto):
    register_kl(_p, Exponential)(_to_exponential)


def _to_gamma(p: Any, q: Gamma, mean_log: Tensor) -> Tensor:
    return (-p.entropy() - q.concentration * q.rate.log() + q.concentration.lgamma()
            - (q.concentration - 1) * mean_log + q.rate * p.mean)


@register_kl(Beta, Gamma)
def _kl_beta_gamma(p: Beta, q: Gamma) -> Tensor:
    return _to_gamma(p, q, p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma())


@register_kl(Exponential, Gamma)
def _kl_exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    return _to_gamma(p, q, -euler_constant - p.rate.log())


@register_kl(Pareto, Gamma)
def _kl_pareto_gamma(p: Pareto, q: Gamma) -> Tensor:
    return _to_gamma(p, q, p.scale.log() + p.alpha.reciprocal())


def _mean_log(low: Tensor, high: Tensor) -> Tensor:
    """The expectation of log x of uniform numbers."""
    return (torch.xlogy(high, high) - torch.xlogy(low, low)) / (high - low) - 1


@register_kl(Uniform, Gamma)
def _kl_uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    return torch.where(p.low < 0, math.inf, _to_gamma(p, q, _mean_log(p.low, p.high)))


@register_kl(Uniform, Exponential)
def _kl_uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    return torch.where(p.low < 0, math.inf, _to_exponential(p, q))


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
@register_kl(Beta, ContinuousBernoulli)
def _to_continuous_bernoulli(p: Beta | ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()


@register_kl(Uniform, ContinuousBernoulli)
def _kl_uniform_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    outside = (p.high >= 1) | (p.low <= 0)  # torch counts the bounds as outside
    return torch.where(outside, math.inf, _to_continuous_bernoulli(p, q))


@register_kl(Bernoulli, Poisson)
def _kl_bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, Uniform)
def _kl_beta_uniform(p: Beta, q: Uniform) -> Tensor:
    return torch.where((q.high < 1) | (q.low > 0), math.inf, -p.entropy() + (q.high - q.low).log())


@register_kl(ContinuousBernoulli, Uniform)
def _kl_continuous_bernoulli_uniform(p: ContinuousBernoulli, q: Uniform) -> Tensor:
    outside = (q.high <= 1) | (q.low >= 0)      # torch counts the bounds as outside here, too
    return torch.where(outside, math.inf, -p.entropy() + (q.high - q.low).log())


@register_kl(Normal, Laplace)
def _kl_normal_laplace(p: Normal, q: Laplace) -> Tensor:
    shift = p.loc - q.loc
    ratio = shift / p.scale
    distance = (math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * ratio.pow(2))
                + shift * torch.erf(math.sqrt(0.5) * ratio))
    return -p.entropy() + (2 * q.scale).log() + distance / q.scale


def _to_gumbel(p: Any, q: Gumbel, mean_exp: Tensor) -> Tensor:
    """`mean_exp` is the expectation of exp(-(x - q.loc) / q.scale)."""
    return -p.entropy() + q.scale.log() + (p.mean - q.loc) / q.scale + mean_exp


@register_kl(Normal, Gumbel)
def _kl_normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    return _to_gumbel(p, q, torch.exp((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).pow(2)))


@register_kl(Exponential, Gumbel)
def _kl_exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    product = p.rate * q.scale
    return _to_gumbel(p, q, torch.exp(q.loc / q.scale) * product / (product + 1))


@register_kl(Gamma, Gumbel)
def _kl_gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    return _to_gumbel(p, q, torch.exp(q.loc / q.scale) * (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration))


@register_kl(Uniform, Gumbel)
def _kl_uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    at_low, at_high = torch.exp((q.loc - p.low) / q.scale), torch.exp((q.loc - p.high) / q.scale)
    return _to_gumbel(p, q, q.scale / (p.high - p.low) * (at_low - at_high))


@register_kl(Uniform, Beta)
def _kl_uniform_beta(p: Uniform, q: Beta) -> Tensor:
    mean_log, mean_log1m = _mean_log(p.low, p.high), _mean_log(1 - p.high, 1 - p.low)
    total = q.concentration1 + q.concentration0
    kl = (-p.entropy() + q.concentration1.lgamma() + q.concentration0.lgamma() - total.lgamma()
          - (q.concentration1 - 1) * mean_log - (q.concentration0 - 1) * mean_log1m)
    return torch.where((p.high > 1) | (p.low < 0), math.inf, kl)


@register_kl(Uniform, Pareto)
def _kl_uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    kl = -p.entropy() - q.alpha.log() - q.alpha * q.scale.log() + (q.alpha + 1) * _mean_log(p.low, p.high)
    return torch.where(p.low < q.scale, math.inf, kl)
