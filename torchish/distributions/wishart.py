"""The Wishart distribution of positive definite matrices.

In: df and a covariance matrix, its inverse or its Cholesky factor.  Out: samples [n, n] (by Bartlett's decomposition),
log-densities.
Source: https://docs.pytorch.org/docs/stable/distributions.html#wishart
"""
from __future__ import annotations

import math
from numbers import Number
from typing import Any

from .. import api as torch
from .. import linalg
from ..api import Size
from ..data_dependent import true_for_all
from ..tensor import Tensor
from ..warned import warn
from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import FACTOR, OfCovariance, one_form

__all__ = ["Wishart"]


def _mvdigamma(x: Tensor, p: int) -> Tensor:
    """The derivative of `mvlgamma(x, p)`."""
    if not true_for_all(x.gt((p - 1) / 2)):
        raise AssertionError("Wrong domain for multivariate digamma function.")
    return torch.digamma(x.unsqueeze(-1) - torch.arange(p, dtype=x.dtype, device=x.device) / 2).sum(-1)


class Wishart(OfCovariance, ExponentialFamily):
    """The sum of x x' of `df` normal vectors of mean 0 and one of three forms of the covariance; `df` need not be whole."""

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1)}

    def __init__(self, df: Tensor | float, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:
        name, matrix = one_form(AssertionError, scale_tril, covariance_matrix, precision_matrix)
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        if isinstance(df, Number):
            batch_shape = Size(matrix.shape[:-2])
            self.df = torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        else:
            batch_shape = torch.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch_shape)
        event_shape = matrix.shape[-2:]
        n = event_shape[-1]
        if self.df.le(n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        setattr(self, name, matrix.expand(batch_shape + event_shape))
        if self.df.lt(n).any():
            warn("Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.")
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        self._unbroadcasted_scale_tril = FACTOR[name](matrix)
        self._derived()

    def _derived(self) -> None:
        """What sampling needs: the batch dimensions, and the squares of the diagonal of Bartlett's factor."""
        self._batch_dims = [-(i + 1) for i in range(len(self._batch_shape))]
        factor = self._unbroadcasted_scale_tril
        less = torch.arange(self._event_shape[-1], dtype=factor.dtype, device=factor.device)
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - less)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Wishart:
        factor = self._unbroadcasted_scale_tril.expand(Size(batch_shape) + self._event_shape)
        new = self._expanded(Wishart, batch_shape, _instance, _unbroadcasted_scale_tril=factor)
        new._derived()
        return new

    def _matrix(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape)

    def _per_matrix(self, numbers: Tensor) -> Tensor:
        return numbers.reshape(self._batch_shape + (1, 1))

    @property
    def mean(self) -> Tensor:
        return self._per_matrix(self.df) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[-1] - 1
        return self._per_matrix(torch.where(factor <= 0, math.nan, factor)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        matrix = self.covariance_matrix
        diagonal = matrix.diagonal(dim1=-2, dim2=-1)
        return self._per_matrix(self.df) * (matrix.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape: Any = ()) -> Tensor:
        """L A A' L', A lower triangular: chi-distributed numbers on the diagonal, standard normal ones below it."""
        n = self._event_shape[-1]
        diagonal = self._dist_chi2.rsample(sample_shape).sqrt()
        noise = diagonal.clamp(min=torch.finfo(diagonal.dtype).eps).diag_embed(dim1=-2, dim2=-1)
        rows, columns = torch.tril_indices(n, n, offset=-1)
        noise[..., rows, columns] = torch.randn(Size(sample_shape) + self._batch_shape + (n * (n - 1) // 2,),
                                                dtype=noise.dtype, device=noise.device)
        factor = torch.matmul(self._unbroadcasted_scale_tril, noise)
        return torch.matmul(factor, factor.mT)

    def _asked_again(self, valid: Tensor) -> Tensor:
        """One flag for each sample of the whole batch."""
        return valid.amax(self._batch_dims) if self._batch_dims else valid

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Tensor:
        """Samples with gradients; some are drawn a second time, as torch draws them (see the comment)."""
        sample_shape = Size(sample_shape)
        sample = self._bartlett_sampling(sample_shape)
        # torch takes the flags of the support for flags of singular samples in the first round: the streams of random
        # numbers agree only if the same is done here
        again = self._asked_again(self.support.check(sample))
        if not again.any():
            return sample
        warn("Singular sample detected.")
        for _ in range(10 if max_try_correction is None else max_try_correction):
            fresh = self._bartlett_sampling(again[again].shape)
            sample[again] = fresh
            again[again.clone()] = self._asked_again(~self.support.check(fresh))
            if not again.any():
                break
        return sample

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        nu, n = self.df, self._event_shape[-1]
        trace = torch.cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (-nu * self._half_log_det() - torch.mvlgamma(nu / 2, p=n)
                + (nu - n - 1) / 2 * linalg.slogdet(value).logabsdet - trace / 2)

    def entropy(self) -> Tensor:
        nu, n = self.df, self._event_shape[-1]
        return ((n + 1) * self._half_log_det() + torch.mvlgamma(nu / 2, p=n)
                - (nu - n - 1) / 2 * _mvdigamma(nu / 2, p=n) + nu * n / 2)

    def _half_log_det(self) -> Tensor:
        """log det(2 V) / 2."""
        logs = self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return self._event_shape[-1] * math.log(2) / 2 + logs

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        n = self._event_shape[-1]
        order = y + (n + 1) / 2
        return order * (-linalg.slogdet(-2 * x).logabsdet + math.log(2) * n) + torch.mvlgamma(order, p=n)
