"""Indexing, joining, sorting, products, decompositions and transforms against the torch that is installed.

In: expressions evaluated by torch and by torchish on the same values.  Out: the same dtypes, shapes, values and first sentences,
and for float64 the same gradients and second gradients, but for what tests/parity/differences.py lists.  What is free in a
decomposition (signs, phases) is multiplied out.
"""
from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parent))

from op_cases import Factory
from op_golden import asked, cotangent, flat_tensors
from test_ops_live import both, listed, to_torch, unequal

import torchish

pytestmark = pytest.mark.parity

EVERY = ("int64", "bool", "bfloat16", "complex64")     # float64 comes with its gradients, float32 is that of test_ops_live.py
ORDERED = ("float32", "int64", "bool", "bfloat16")
WHOLE = ("float32", "complex64")

INDEX = """
x[1]|x[-1, ::2]|x[1:3, 1]|x[..., None, 1]|x[None, 1:, None]|x[i]|x[:, j]|x[i, j]|x[i, None]|x[k]|x[b]|x[b, 1]|x[:, d]|x[[0, 2]]|x[[0, -1], [1, 1]]
x[i.unsqueeze(1), j]|x[t.tensor(1)]|x[t.tensor(-1), t.tensor(2)]|x[n]|x[n, ::2]|c[i % 2, :, j]|c[:, j, i]|c[0, :, i]|c[i % 2, 1]|c[..., i]|c[0, ..., [0, 2]]
c[True]|c[False]|c[:, d]|c[k.t() if False else k[:2, :3]]|x[i.int()]|x[i.to(t.int16)]|x[t.zeros(0, dtype=t.int64)]|x[x.new_zeros(4).bool()]|x[4:]|x[3:1]|x[-9:9:3]
x.gather(0, g)|x.gather(1, g % 3)|x.index_select(1, j)|x.take(g)|x.take(g - 12)|t.take_along_dim(x, g % 3, 1)|t.take_along_dim(x, g[:1] % 4, 0)|x.masked_select(k)
t.nonzero(k)|t.argwhere(x)|t.where(k)|t.where(k, x, x.flip(0))|t.where(k, x, 2)|x.masked_select(b.unsqueeze(1))|x.unfold(0, 2, 1)|x.unfold(1, 2, 2)
"""
WRITE = """
put(x, S[1], 5)|put(x, S[:, 1:], v[:2])|put(x, S[::2], z[:2])|put(x, S[1, 2], v[0])|put(x, S[...], 1)|put(x, S[k], 1)|put(x, S[k], v[0])|put(x, S[b], v)
put(x, S[[0, 2]], z[:2])|put(x, S[[0, 2], [1, 2]], v[:2])|put(x, S[b, 1], 3)|put(x, S[:, d], 0)|put(c, S[0, :, [0, 2]], 7)|put(c, S[:, [1, 0], [0, 2]], 7)
put(x, S[n], v)|put(x, S[2:2], 1)|put(x, S[None, 1:], z[1:])|put(c, S[1, ..., 0], v)|put(x, S[k], z[k])|put(x, S[1], v[None, None])|put(x, S[t.tensor(1)], v)|x.masked_fill(k, 2)|x.masked_fill(b.unsqueeze(1), v[0])
x.masked_scatter(k, z)|x.index_put((i, j), v)|x.index_put((i, j), v, accumulate=True)|x.index_put((i,), v, accumulate=True)|x.index_put((k,), v[0])
x.scatter(0, g[:2], z)|x.scatter(1, p, z)|x.scatter(1, p, 1.5 if x.is_floating_point() else 1)|x.scatter_add(0, g, z)|x.scatter_add(1, g % 3, z)|x.scatter(1, p, z, reduce="add")
x.index_add(0, i, z[:3])|x.index_add(1, j, z, alpha=1)|x.index_copy(0, i[:2], z[:2])|x.index_fill(1, d[:1].long(), 2)|x.put(i, v)|x.put(g, z, True)|x.select_scatter(v, 0, 1)
x.slice_scatter(z[:2], 0, 0, 4, 2)|x.diagonal_scatter(v)|t.slice_scatter(x, z[:, :1], 1, 2)|x.fill_diagonal_(1) if x.is_leaf and not x.requires_grad else x
x.scatter_reduce(0, g, z, "sum")|x.scatter_reduce(0, g, z, "sum", include_self=False)
"""
REDUCED = """
x.scatter_reduce(0, g, z, "prod")|x.scatter_reduce(1, g % 3, z, "mean")|x.scatter_reduce(0, g, z, "amax")|x.scatter_reduce(0, g, z, "amin", include_self=False)
x.index_reduce(0, i, z[:3], "prod")|x.index_reduce(0, i, z[:3], "mean", include_self=False)|x.index_reduce(1, j, z, "amax")|x.scatter(1, p, z, reduce="multiply")
"""
SHAPE = """
t.cat([x, z])|t.cat([x, z], 1)|t.cat([x, z, x.new_zeros(0)])|t.stack([x, z], 1)|t.hstack([x, z])|t.vstack([v, v])|t.dstack([x, z])|t.column_stack([v, v])
x.split(2)|x.split([1, 3])|x.chunk(3)|t.tensor_split(x, 3)|t.tensor_split(x, (1, 3))|t.tensor_split(x, i.sort()[0])|t.hsplit(x, 3)|t.vsplit(x, 2)|t.dsplit(c, 2)
x.tile(2, 2)|x.repeat(2, 1, 2)|x.repeat_interleave(2, 1)|x.repeat_interleave(t.tensor([1, 0, 2]), 1)|t.repeat_interleave(i)|x.roll(1)|x.roll((1, -1), (0, 1))|x.flip((0, 1))
x.fliplr()|x.flipud()|x.rot90()|x.rot90(2)|x.rot90(-1, (1, 0))|x.tril()|x.triu(1)|x.tril(-1)|c.triu()|x.diag()|v.diag(1)|t.diag_embed(x)|t.diag_embed(v, -1)|t.diagflat(x)
x.diagonal()|c.diagonal(1, 0, 2)|t.kron(x, y)|t.kron(v, x)|t.meshgrid(v, v[:2], indexing="ij")|t.meshgrid(v, v[:2], indexing="xy")|t.block_diag(x, v)|t.cartesian_prod(v, v[:2])
t.combinations(v)|F.pad(x, (1, 2))|F.pad(x, (1, -1, -2, 1), value=1)|F.pad(c, (1, 2), "circular")|t.broadcast_tensors(x, v)|t.atleast_3d(v)|x.movedim(0, 1)|c.permute(2, 0, 1)
x.unflatten(0, (2, 2))|c.flatten(1)|x.narrow(0, 1, 2)|t.permute_copy(x, (1, 0))|t.unbind_copy(x)|x.expand(2, 4, 3)|x.ravel()|F.pixel_shuffle(x.reshape(1, 4, 1, 3), 2)
"""
PADDED = """
F.pad(c, (1, 2), "reflect")|F.pad(c, (3, 1), "replicate")|F.pad(c[None], (1, 1, 1, 0), "reflect")|F.unfold(c[None], (2, 2))|F.fold(x.reshape(1, 4, 3), (2, 4), (2, 2))
"""
SORT = """
x.sort()|x.sort(0, descending=True)|x.sort(stable=True, dim=0)|x.argsort(stable=True)|x.msort()|x.topk(2)[0]|x.topk(2, 0, largest=False)[0]|x.kthvalue(2)[0]|x.kthvalue(1, 0, True)[0]
x.unique()|x.unique(return_inverse=True, return_counts=True)|t.unique(x, dim=0)|x.ravel().unique_consecutive(return_inverse=True, return_counts=True)|x.max(0)|x.min(1)|x.median(0)[0]
t.searchsorted(v.sort()[0], x)|t.searchsorted(v.sort()[0], x, right=True)|t.bucketize(x, v.sort()[0])|x.mode(0)[0]|x.cummax(0)|x.cummin(1)|x.aminmax(dim=1)|t.isin(x, v)
"""
COUNTED = """
x.new_zeros(4, 0) @ x.new_zeros(0, 3)|x.new_zeros(2, 4, 0) @ x.new_zeros(0, 3)|x.new_zeros(0, 3) @ q|t.histc(x, 4, -2, 2)|t.histogram(x.double().detach(), 4)[0]|x.quantile(v.abs() / 4, dim=0)|x.nanquantile(0.3)|x.quantile(0.6, 1, True, interpolation="lower")|t.cov(x)|t.corrcoef(x)
t.bincount(i)|t.bincount(i, minlength=5)|t.bincount(i, v)|t.gradient(x)|t.gradient(x, spacing=2.0, dim=0)|t.gradient(x.double(), spacing=1 + 2j)|t.gradient(x.double(), spacing=[t.tensor([0.0, 1.0, 3.0, 4.5], dtype=t.float64), t.tensor([0, 2, 7])])|t.trapezoid(x)|t.trapezoid(x, dx=2)|t.cumulative_trapezoid(x, v)|t.diff(x)
t.cdist(x, z)|t.cdist(x, z, p=1)|t.histogramdd(x.detach().double(), [2, 2, 2])[0]|x.renorm(2, 0, 1.0)
"""
MATRIX = """
x @ y|x @ v|v @ y|c @ y.t() if False else c @ c.mT|t.mm(x, y)|t.mv(x, v)|t.dot(v, v)|t.vdot(v, v)|t.bmm(c, c.mT)|t.outer(v, v)|t.inner(x, z)|t.einsum("ij,jk->ik", x, y)
t.einsum("ij,ij->j", x, z)|t.einsum("bij,bkj->bik", c, c)|t.einsum("...j->...", c)|t.einsum("ij,j", x, v)|t.einsum("ii->i", q)|t.einsum("i,j->ij", v, v)|t.tensordot(x, y, 1)
t.tensordot(c, c, ([1, 2], [1, 2]))|t.addmm(x[:, :1], x, y)|t.addmm(q, q, q, beta=2, alpha=3)|t.addmv(x[:, 0], x, v)|t.addr(q, v, v)|t.baddbmm(s, s, s)|t.addbmm(q, s, s)|F.linear(x, q)
F.linear(x, q, v)|F.bilinear(x, z, s)|F.bilinear(x, z, s, v[:2])|t.chain_matmul(x, y, x)|t.linalg.multi_dot([x, y, x])|t.matrix_power(q, 3)|t.linalg.vecdot(x, z)|t.cross(x, z, dim=1)
q.trace()|t.linalg.vander(v, N=3)|t.linalg.cross(x, z)|t.kron(q, x)
"""
LINALG = """
t.linalg.inv(q)|t.linalg.inv(s)|t.linalg.det(q)|t.linalg.det(s)|t.linalg.slogdet(q)|t.logdet(a)|t.linalg.solve(q, y)|t.linalg.solve(s, v)|t.linalg.solve(q, x, left=False)
t.linalg.cholesky(a)|t.linalg.cholesky(a, upper=True)|t.cholesky_solve(y, t.linalg.cholesky(a))|t.cholesky_inverse(t.linalg.cholesky(a))|t.linalg.solve_triangular(a, y, upper=False)
t.linalg.solve_triangular(a, y, upper=True, unitriangular=True)|t.triangular_solve(y, a)[0]|t.linalg.pinv(x)|t.linalg.pinv(a, hermitian=True)|t.linalg.matrix_rank(x)|t.linalg.svdvals(x)
recovered(t.linalg.svd(x, False))|t.linalg.svd(x, False)[1]|(lambda q, r: q @ r)(*t.linalg.qr(x))|t.linalg.qr(x)[1].abs()|(lambda q, r: q @ r)(*t.linalg.qr(y, "complete"))
t.linalg.eigvalsh(a)|t.linalg.eigh(a)[0]|(lambda e, w: (w * e.exp().unsqueeze(0)) @ w.mH)(*t.linalg.eigh(a))|t.linalg.eigvals(q).abs().sort()[0]|t.linalg.lu(q)|t.linalg.lu_factor(q)[0]
(lambda e, w: w @ t.diag(e) @ t.linalg.inv(w))(*t.linalg.eig(q))|t.lu_unpack(*t.linalg.lu_factor(q))|t.linalg.lu_solve(*t.linalg.lu_factor(q), y)|t.linalg.lstsq(x, z)[0]
t.linalg.lstsq(y, v.unsqueeze(1))[0]|t.linalg.matrix_exp(q)|t.matrix_exp(s)|t.linalg.matrix_power(q, -2)|t.linalg.norm(x)|t.linalg.norm(x, "nuc")|t.linalg.norm(x, 2)|t.linalg.norm(x, -2)
t.linalg.norm(x, 1)|t.linalg.norm(x, float("inf"))|t.linalg.norm(v, 3)|t.linalg.norm(v, 0)|t.linalg.vector_norm(x, 3, 1)|t.linalg.matrix_norm(c)|t.linalg.matrix_norm(c, "nuc", (0, 2))
t.linalg.cond(q)|t.linalg.cond(q, 1)|t.linalg.tensorinv(q.reshape(3, 3, 1), ind=1)|t.linalg.tensorsolve(q.reshape(3, 1, 3), y[:, :1])|t.linalg.householder_product(x, v)|t.norm(x, 1, 0)|t.dist(x, z, 3)
"""
SPECTRUM = """
t.fft.fft(x)|t.fft.ifft(x)|t.fft.fft(x, 5, 0, "ortho")|t.fft.fft2(c)|t.fft.ifft2(c, norm="forward")|t.fft.fftn(c)|t.fft.ifftn(c, (2, 4), (0, 2))|t.fft.hfft(x)|t.fft.irfft(x, 4)|t.fft.irfft2(c)
t.fft.irfftn(c, norm="ortho")|t.fft.fftshift(x)|t.fft.ifftshift(x, 1)|t.fft.hfft2(c)|t.fft.hfftn(c)|t.stft(w, 4, return_complex=True, onesided=False)|t.stft(w, 4, 2, window=w[:4], return_complex=True, onesided=False)
t.istft(t.stft(w, 4, return_complex=True, onesided=False), 4, return_complex=w.is_complex())
"""
REAL_SPECTRUM = """
t.fft.rfft(x)|t.fft.rfft(x, 6, 0, "forward")|t.fft.rfft2(c)|t.fft.rfftn(c, norm="ortho")|t.fft.ihfft(x)|t.fft.ihfft2(c)|t.stft(w, 4, return_complex=True)|t.stft(w, 4, 2, 3, w[:3], normalized=True, return_complex=True)
t.istft(t.stft(w, 4, 2, return_complex=True), 4, 2)|t.istft(t.stft(w, 4, 2, return_complex=True), 4, 2, length=8)|t.fft.fftfreq(5)|t.fft.rfftfreq(6, 0.5)
t.special.i0(x)|t.special.i1(x)|t.special.i0e(x)|t.special.i1e(x)|t.special.erfcx(x)|t.special.ndtr(x)|t.special.log_ndtr(x)|t.special.entr(x.abs())|t.special.xlog1py(x, z.abs())|t.special.digamma(x)
t.lgamma(x)|t.polygamma(1, x)|t.polygamma(2, x)|t.special.ndtri(x.sigmoid())|t.special.logit(x.sigmoid())|t.special.sinc(x)|t.mvlgamma(x.abs() + 2, 2)|t.special.zeta(x.abs() + 2, z.abs() + 1)
"""
MISTAKES = """
x[i[:2], k]|x[4]|x[:, 3]|x[[9]]|x[t.tensor([9])]|x[0, t.tensor([9])]|x[v]|x[1.5]|x["a"]|x[k[:3]]|x[b[:3]]|x[0, 0, 0]|x[::-1]|x[::0]|put(x, S[1], v[:2])|put(x, S[k], v)|put(x, S[i, j], v[:2])|put(x, S[9], 1)
x.gather(0, g[0])|x.gather(0, g.to(t.uint8))|x.gather(1, t.tensor([[9]]))|x.gather(0, t.tensor([[-1]]))|x.scatter(0, g, z.long())|x.scatter(0, t.tensor([[9]]), z)|x.scatter_add(0, g, z[:2])
x.scatter_reduce(0, g, z, "max")|x.scatter(0, g, z, reduce="mean")|x.index_select(0, g)|x.index_select(0, t.tensor([9]))|x.index_add(0, i, z)|x.index_add(0, t.tensor([9]), z[:1])|x.index_copy(0, i, z)
x.index_copy(0, t.tensor([9]), z[:1])|x.index_fill(0, t.tensor([9]), 1)|x.index_fill(0, i, v)|x.take(t.tensor([12]))|x.take(v)|x.put(i, v.long())|x.put(t.tensor([12]), v[:1])|x.masked_fill(i, 1)
x.masked_fill(k, v)|x.masked_scatter(k, z.long())|x.masked_select(v)|x.index_put((t.tensor([9]),), v)|x.index_put((None, j), v)|put(x, S[1], x)|put(x, S[1, 1], v)|x.index_put((i, i, i), v)|x.diagonal(0, 0, 0)|x.roll(())|x.roll((1, 2), (0,))|x.roll(1, 5)
x.flip((0, 0))|x.rot90(1, (0,))|x.tile("a") if False else x.repeat(2)|x.split(-1)|x.split([1])|t.tensor_split(x, 0)|t.hsplit(x, 2)|t.vsplit(v, 3)|t.dsplit(x, 1)|t.cat([x, v])|t.cat([])|t.stack([x, v])
t.hstack([])|t.vstack([])|t.column_stack([])|x.repeat_interleave(-1)|x.repeat_interleave(t.tensor([1, 2]), 1)|t.meshgrid(v, v, indexing="a")|t.block_diag(c)
F.pad(x, (1, 2), "reflect", 1.0)|F.pad(v, (3, 3), "reflect")|F.pad(c, (9, 9), "circular")|x.sort(5)|x.topk(9)|x.kthvalue(0)|x.kthvalue(9)|t.searchsorted(x, v)|t.bincount(x)|t.bincount(-i)
t.bincount(g)|t.histc(x, 0)|x.quantile(2.0)|x.quantile(v.double())|t.cov(c)|t.cov(x, fweights=v)|t.gradient(x, edge_order=3)|t.gradient(x, spacing=[1.0, 2.0, 3.0])|x @ x|x @ v[:2]|t.mm(c, x)|t.mv(x, x)
t.dot(v, x)|t.dot(v, v.double())|t.bmm(c, x)|t.outer(x, v)|t.inner(x, y)|t.einsum("ij,jk", x, x)|t.einsum("ijk", x)|t.einsum("ij->ijk", x)|t.einsum("i.j", x)|t.tensordot(x, x, 1)|t.addmm(v[:2], x, y)
t.baddbmm(x, c, c.mT)|F.linear(x, y)|F.bilinear(x, z, q)|t.matrix_power(x, 2)|t.cross(x, y)|x.trace() if False else c.trace()|t.linalg.inv(x)|t.linalg.inv(v)|t.linalg.inv(i)|t.linalg.det(x)|t.linalg.solve(q, x)
t.linalg.solve(x, v)|t.linalg.cholesky(x)|t.linalg.qr(v)|t.linalg.qr(x, "a")|t.linalg.svd(v)|t.linalg.eigh(x)|t.linalg.eigh(q, "A")|t.linalg.eig(x)|t.linalg.lstsq(x, v)|t.linalg.lstsq(v, v)|t.linalg.pinv(v)
t.linalg.norm(x, "a")|t.linalg.norm(c, 2)|t.linalg.norm(v, "fro")|t.linalg.matrix_norm(v)|t.linalg.matrix_exp(x)|t.linalg.multi_dot([x])|t.linalg.multi_dot([x, x])|t.linalg.tensorinv(x, 0)|t.linalg.cond(v)
t.linalg.vander(v, N=1)|t.linalg.solve_triangular(x, y, upper=True)|t.fft.fft(x, 0)|t.fft.fft(x, dim=5)|t.fft.fft(x, norm="a")|t.fft.rfft(x.to(t.complex64))|t.fft.irfft(x, 0)|t.fft.fft2(v)
t.fft.fftn(x, (1, 2, 3))|t.fft.fftn(x, dim=(0, 0))|t.stft(w, 99, return_complex=True)|t.stft(w, 4)|t.istft(x, 4)|t.hann_window(-1)|t.combinations(x)
"""


class Subscript:
    """S[...] is the index itself."""

    def __getitem__(self, index: Any) -> Any:
        return index


def put(x: Any, index: Any, value: Any) -> Any:
    """A copy of x in which x[index] = value."""
    out = x.clone()
    out[index] = value
    return out


def recovered(parts: Sequence[Any]) -> Any:
    """The matrix of a singular value decomposition."""
    u, s, vh = parts
    return (u * s) @ vh


def arrays(dtype: str) -> dict[str, np.ndarray]:
    """The operands of the expressions; no two elements of one are equal unless the dtype has few values."""
    f = Factory(dtype)
    q = f(3, 3) + (3 * np.eye(3) if dtype not in ("int64", "bool") else 0)
    found = {"x": f(4, 3), "y": f(3, 4), "z": f(4, 3), "c": f(2, 3, 4), "v": f(3), "q": q, "w": f(9),
             "s": f(2, 3, 3) + (3 * np.eye(3) if dtype not in ("int64", "bool") else 0)}
    if dtype[:3] in ("flo", "com"):
        found["a"] = found["q"] @ found["q"].conj().T + np.eye(3)
    return {k: np.asarray(v).astype(found["x"].dtype) for k, v in found.items()}


PLACES = {"i": np.array([2, 0, 2]), "j": np.array([1, 2, 0]), "b": np.array([True, False, True, True]), "n": np.array([3, 1]),
          "d": np.array([True, False, True]), "k": np.arange(12).reshape(4, 3) % 5 < 2,
          "g": (np.arange(12).reshape(4, 3) * 7) % 4, "p": np.array([[2, 0], [1, 2], [0, 1], [2, 1]])}


def operands(dtype: str, grad: bool = False) -> tuple[dict, dict]:
    """For torch and torchish; `n` stays a numpy array."""
    sides = []
    for make in (to_torch, torchish.tensor):
        side = {k: make(a) for k, a in arrays(dtype).items()}
        leaves = [x.requires_grad_() for x in side.values()] if grad else []
        side |= {k: a if k == "n" else make(a) for k, a in PLACES.items()}
        sides.append(side | {"S": Subscript(), "put": put, "recovered": recovered, "leaves": leaves})
    return tuple(sides)     # type: ignore[return-value]


def slopes(t: Any, result: Any, leaves: list, second: bool) -> Any:
    """The gradients of a weighted sum of the results, or those of a weighted sum of the gradients; zeros where there is none."""
    def weighted(xs: list) -> tuple[list, list]:
        xs = [x for x in xs if x is not None and x.requires_grad]
        return xs, [t.tensor(cotangent(tuple(x.shape), str(x.dtype).rpartition(".")[2])) for x in xs]
    roots, weights = weighted(flat_tensors(result))
    found = t.autograd.grad(roots, leaves, weights, allow_unused=True, create_graph=second,
                                retain_graph=True) if roots else [None] * len(leaves)
    if second:
        roots, weights = weighted(list(found))
        found = t.autograd.grad(roots, leaves, weights, allow_unused=True) if roots else [None] * len(leaves)
    return [t.zeros_like(x.detach()) if g is None else g.detach() + 0 for g, x in zip(found, leaves, strict=True)]


def compare(expression: str, dtypes: Sequence[str]) -> None:
    results = [(dtype, *both(expression, *operands(dtype))) for dtype in dtypes]
    theirs, ours = operands("float64", grad=True)
    found = both(expression, theirs, ours)
    results.append(("float64", *found))
    if not any(isinstance(r, dict) for r in found):
        for second in (False, True):
            slope = asked(lambda s=second: slopes(torch, found[0], theirs["leaves"], s))
            if isinstance(slope, dict):     # torch has no derivative
                break
            results.append(("second gradient" if second else "gradient", slope,
                            asked(lambda s=second: slopes(torchish, found[1], ours["leaves"], s))))
    wrong = [w for at, a, b in results if (w := unequal(expression, at, a, b, tolerance=2e-2 if at == "bfloat16" else None))]
    assert not wrong, "\n".join([expression, *wrong])


@pytest.mark.parametrize("expression", listed(INDEX) + listed(WRITE) + listed(SHAPE) + listed(MATRIX))
def test_every_dtype(expression: str) -> None:
    """What takes all dtypes: indexing, writing at places, joining, products."""
    compare(expression, EVERY)


@pytest.mark.parametrize("expression", listed(SORT) + listed(REDUCED))
def test_ordered_dtypes(expression: str) -> None:
    """What compares elements."""
    compare(expression, ORDERED)


@pytest.mark.parametrize("expression", listed(COUNTED) + listed(PADDED) + listed(REAL_SPECTRUM))
def test_real_dtypes(expression: str) -> None:
    """Statistics, transforms of real signals, special functions."""
    compare(expression, ("float32",))


@pytest.mark.parametrize("expression", listed(LINALG) + listed(SPECTRUM))
def test_real_and_complex_dtypes(expression: str) -> None:
    """Decompositions and transforms."""
    compare(expression, WHOLE)


@pytest.mark.parametrize("expression", listed(MISTAKES))
def test_mistakes(expression: str) -> None:
    """Bad input is refused at the call, with torch's class and first sentence."""
    theirs, ours = operands("float32")
    wrong = unequal(expression, "", *both(expression, theirs, ours))
    assert not wrong, wrong
