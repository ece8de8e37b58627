"""torch.nn.utils.parametrizations: weight_norm, spectral_norm and orthogonal.

In: a module and the name of a weight.  Out: the same module with the weight parametrized.
Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""
from __future__ import annotations

from typing import Any

from ... import api as torch
from ... import linalg
from ...tensor import Tensor
from .. import functional as F
from ..conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..module import Module
from . import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

MAPS = ("matrix_exp", "cayley", "householder")
TRANSPOSED = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)


def _no_tensor(module: Module, name: str) -> ValueError:
    return ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")


# ---- weight_norm ----
class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return torch._weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """(lengths, direction)."""
        return torch.norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """The weight as g v / |v|, g = original0 and v = original1 (Salimans & Kingma 2016)."""
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def read_old_names(state: dict, prefix: str, *rest: Any) -> None:
        for i, letter in enumerate("gv"):
            if f"{prefix}{name}_{letter}" in state:
                state[f"{prefix}parametrizations.{name}.original{i}"] = state.pop(f"{prefix}{name}_{letter}")
    module._register_load_state_dict_pre_hook(read_old_names)
    return module


# ---- spectral_norm ----
class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim, self.eps = dim % ndim, eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            with torch.no_grad():
                matrix = self._matrix(weight)
                u = matrix.new_empty(matrix.size(0)).normal_(0, 1)
                v = matrix.new_empty(matrix.size(1)).normal_(0, 1)
                self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
                self._power_method(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.dim()) if d != self.dim))
        return weight.flatten(1)

    def _power_method(self, matrix: Tensor, iterations: int) -> None:
        with torch.no_grad():
            for _ in range(iterations):
                u = F.normalize(torch.mv(matrix, self._v), dim=0, eps=self.eps)
                v = F.normalize(torch.mv(matrix.mH, u), dim=0, eps=self.eps)
                self._u.copy_(u)
                self._v.copy_(v)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()         # the next step changes the buffers in place
        return weight / torch.vdot(u, torch.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """Any matrix may stand for itself."""
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """The weight divided by its largest singular value, which power iterations estimate (Miyato et al. 2018)."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise _no_tensor(module, name)
    if dim is None:
        dim = 1 if isinstance(module, TRANSPOSED) else 0
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


# ---- orthogonal ----
def _is_orthogonal(q: Tensor) -> bool:
    n, k = q.size(-2), q.size(-1)
    eye = torch.eye(k, dtype=q.dtype, device=q.device)
    return torch.allclose(q.mH @ q, eye, atol=10.0 * n * torch.finfo(q.dtype).eps)


def _make_orthogonal(a: Tensor) -> Tensor:
    """An orthogonal matrix near `a`: the Q of its QR decomposition with a positive diagonal of R."""
    x, tau = torch.geqrf(a)
    q = linalg.householder_product(x, tau)
    return q * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def _of_skew(self, x: Tensor, n: int, k: int) -> Tensor:
        x = x.tril()
        if n != k:
            x = torch.cat([x, x.new_zeros(n, n - k).expand(*x.shape[:-2], -1, -1)], dim=-1)
        a = x - x.mH
        if self.orthogonal_map == "matrix_exp":
            q = torch.matrix_exp(a)
        else:
            eye = torch.eye(n, dtype=a.dtype, device=a.device)
            q = linalg.solve(torch.add(eye, a, alpha=-0.5), torch.add(eye, a, alpha=0.5))
        return q[..., :k] if n != k else q

    def forward(self, x: Tensor) -> Tensor:
        n, k = x.size(-2), x.size(-1)
        turned = n < k
        if turned:
            x, n, k = x.mT, k, n
        if self.orthogonal_map == "householder":
            a = x.tril(diagonal=-1)
            q = linalg.householder_product(a, 2.0 / (1.0 + (a * a).sum(dim=-2)))
            q = q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            q = self._of_skew(x, n, k)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if turned else q

    def _plain_inverse(self, q: Tensor) -> Tensor:
        if self.orthogonal_map != "householder":
            raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                                      "use_trivialization=False.")
        a, tau = torch.geqrf(q)
        diagonal = a.diagonal(dim1=-2, dim2=-1).sign()
        diagonal = torch.where(tau == 0.0, -diagonal, diagonal)
        return a - torch.diag_embed(a.diagonal(dim1=-2, dim2=-1)) + torch.diag_embed(diagonal) if a.size(-2) == a.size(-1) else \
            a.diagonal_scatter(diagonal, dim1=-2, dim2=-1)

    def right_inverse(self, q: Tensor) -> Tensor:
        """What is orthogonal as it is; another matrix is replaced by one near it."""
        if q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {q.shape}.")
        first, (n, k) = q, q.shape[-2:]
        turned = n < k
        if turned:
            q, n, k = q.mT, k, n
        if not hasattr(self, "base"):
            a = self._plain_inverse(q)
            return a.mT if turned else a
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        else:
            more = torch.randn(*(*q.shape[:-2], n, n - k), dtype=q.dtype, device=q.device)
            q = _make_orthogonal(torch.cat([q, more], dim=-1))
        self.base = q
        negative = torch.zeros_like(first)
        negative.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return negative


def orthogonal(module: Module, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> Module:
    """The weight as an orthogonal (or semi-orthogonal) matrix (Lezcano-Casado 2019)."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise _no_tensor(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.size(-2) == weight.size(-1) or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError('orthogonal_map has to be one of "matrix_exp", "cayley", "householder". ' f"Got: {orthogonal_map}")
    new = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    parametrize.register_parametrization(module, name, new, unsafe=True)
    return module
