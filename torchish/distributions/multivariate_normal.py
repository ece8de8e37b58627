"""The multivariate normal distribution.

In: loc and a covariance matrix, its inverse or its Cholesky factor.  Out: samples, log-densities.
Source: https://docs.pytorch.org/docs/stable/distributions.html#multivariatenormal
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import api as torch
from .. import linalg
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .utils import _standard_normal, lazy_property

__all__ = ["FACTOR", "MultivariateNormal", "OfCovariance", "one_form"]


def _batch_mv(bmat: Tensor, bvec: Tensor) -> Tensor:
    """Matrix times vector, both batched: [..., n, m] and [..., m] give [..., n]."""
    return torch.matmul(bmat, bvec.unsqueeze(-1)).squeeze(-1)


def _batch_mahalanobis(bL: Tensor, bx: Tensor) -> Tensor:
    """x' M^-1 x for M = L L', of the broadcast batch shape; `bL` is not copied along batch dimensions it lacks."""
    n, shape = bx.size(-1), torch.broadcast_shapes(bL.shape[:-2], bx.shape[:-1])
    outer = bx.dim() - 1 - (bL.dim() - 2)
    if outer <= 0:
        return linalg.solve_triangular(bL, bx.unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1).expand(shape)
    # the dimensions that only x has become columns of one right-hand side
    columns = bx.reshape((-1, *bx.shape[outer:-1], n)).movedim(0, -1)
    solved = linalg.solve_triangular(bL, columns, upper=False).pow(2).sum(-2)
    return solved.movedim(-1, 0).reshape(shape)


def _precision_to_scale_tril(P: Tensor) -> Tensor:
    """The Cholesky factor of the inverse of `P`: from the factor of `P` with its rows and columns reversed."""
    reversed_factor = linalg.cholesky(torch.flip(P, (-2, -1)))
    inverse = torch.transpose(torch.flip(reversed_factor, (-2, -1)), -2, -1)
    identity = torch.eye(P.shape[-1], dtype=P.dtype, device=P.device)
    return linalg.solve_triangular(inverse, identity, upper=False)


# how the Cholesky factor of a covariance is had from each of its forms
FACTOR: dict[str, Callable[[Tensor], Tensor]] = {
    "scale_tril": lambda factor: factor, "covariance_matrix": linalg.cholesky, "precision_matrix": _precision_to_scale_tril}


def one_form(error: type[Exception], *forms: Tensor | None) -> tuple[str, Tensor]:
    """The name of the one form, in the order of FACTOR, that is given, and its matrix; `error` where it is none or several."""
    given = [(name, matrix) for name, matrix in zip(FACTOR, forms, strict=True) if matrix is not None]
    if len(given) != 1:
        raise error("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    return given[0]


class OfCovariance:
    """The three forms of a covariance, from its Cholesky factor; `_matrix` gives each the distribution's batch."""

    _unbroadcasted_scale_tril: Tensor

    def _matrix(self, matrix: Tensor) -> Tensor:
        raise NotImplementedError

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._matrix(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        return self._matrix(torch.matmul(self._unbroadcasted_scale_tril, self._unbroadcasted_scale_tril.mT))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return self._matrix(torch.cholesky_inverse(self._unbroadcasted_scale_tril))


class MultivariateNormal(OfCovariance, Distribution):
    """Normal distribution of vectors, of mean `loc` and one of three forms of the covariance."""

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = one_form(ValueError, scale_tril, covariance_matrix, precision_matrix)
        if matrix.dim() < 2:
            shown = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{shown} must be at least two-dimensional, with optional leading batch dimensions")
        batch_shape = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand(batch_shape + matrix.shape[-2:]))
        self.loc = loc.expand(batch_shape + loc.shape[-1:])
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = FACTOR[name](matrix)

    def expand(self, batch_shape: Any, _instance: Any = None) -> MultivariateNormal:
        return self._expanded(MultivariateNormal, batch_shape, _instance,
                              _unbroadcasted_scale_tril=self._unbroadcasted_scale_tril)

    def _matrix(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = _standard_normal(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + _batch_mv(self._unbroadcasted_scale_tril, eps)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        distance = _batch_mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Tensor:
        entropy = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
        return entropy if len(self._batch_shape) == 0 else entropy.expand(self._batch_shape)

    def _half_log_det(self) -> Tensor:
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
