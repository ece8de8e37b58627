"""Calls of public functions written as torch users write them.

In: nothing.  Out: `EXPRESSIONS` (text over `t`, `F` and the variables), `variables(make)`, and `evaluate`, for torch and torchish.
Float variables require a gradient where the text is in the list with gradients.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from op_cases import Factory

__all__ = ["EXPRESSIONS", "evaluate", "variables"]

CREATION = """
t.zeros(2, 3)|t.zeros((2, 3), dtype=t.int64)|t.ones(2)|t.ones(3, dtype=t.bool)|t.full((2, 2), 7)|t.full((2,), 1.5)
t.full((2,), True)|t.full((2, 1), 2, dtype=t.float64)|t.zeros_like(x)|t.ones_like(n)|t.ones_like(x, dtype=t.int32)
t.full_like(x, 3)|t.full_like(n, 2.7)|t.empty(2, 0).shape|t.empty_like(x).shape|x.new_zeros(2)|n.new_ones(2, 2)|x.new_full((2,), 4)
x.new_empty(3).shape|t.arange(5)|t.arange(1, 4)|t.arange(1, 2, 0.5)|t.arange(5, 0, -2)|t.arange(3.0)|t.arange(4, dtype=t.float64)
t.linspace(0, 1, 5)|t.linspace(3, -2, 4, dtype=t.float64)|t.linspace(0, 10, 4, dtype=t.int64)|t.logspace(0, 2, 3)
t.logspace(0, 3, 4, base=2)|t.eye(3)|t.eye(2, 3)|t.eye(2, dtype=t.int64)|t.tril_indices(3, 3)|t.triu_indices(3, 4, 1)
t.scalar_tensor(2)|t.tensor([1, 2])|t.tensor([1.0, 2])|t.tensor(True)|t.tensor([[1, 2], [3, 4]], dtype=t.float16)
t.tensor([])|t.tensor(2j)|t.as_tensor([1, 2])|t.block_diag(x.detach(), v.detach())|t.vander(v.detach()[:0]).shape
"""
SIGNALS = """
t.hann_window(5)|t.hamming_window(4, periodic=False)|t.blackman_window(6)|t.bartlett_window(5)|t.kaiser_window(5)|t.fft.fftfreq(5)|t.fft.rfftfreq(6, 0.5)
t.fft.fft(v)|t.fft.ifft(z)|t.fft.rfft(x)|t.fft.irfft(z)|t.fft.fft2(x)|t.fft.fftn(c)|t.fft.fft(x, 3, 0)|t.fft.rfft(x, norm="ortho")|t.fft.fftshift(x)|t.fft.hfft(z)
t.histc(x.detach(), 4, -2, 2)|t.quantile(x, 0.3)|t.quantile(x, 0.5, 1)|t.cov(x)|t.corrcoef(x)|t.bincount(i, minlength=5)
"""
JOINING = """
t.cat([x, y])|t.cat([x, y], dim=1)|t.cat((x, n))|t.stack([x, y])|t.stack([x, y], dim=-1)|t.hstack([x, y])|t.vstack([x, v])
t.dstack([x, y])|t.column_stack([v, v])|t.chunk(x, 2)|x.chunk(2, dim=1)|t.split(x, 2)|t.split(x, [1, 2])|x.split(3, dim=1)
t.tensor_split(x, 2)|t.tensor_split(x, (1, 2), dim=1)|t.hsplit(x, 2)|t.vsplit(x, 3)|t.dsplit(c, 2)|x.unbind()|c.unbind(1)
t.split_with_sizes(x, [1, 3], 1)|t.meshgrid(v, v, indexing="ij")|t.meshgrid(v, s, indexing="xy")|t.cartesian_prod(v, v)
t.combinations(v)|t.combinations(v, 3)|t.combinations(v, 2, True)|t.broadcast_tensors(v, x)|t.broadcast_to(v, (2, 4))
t.atleast_1d(s)|t.atleast_2d(v)|t.atleast_3d(x)|t.atleast_2d(s, v)|t.repeat_interleave(v, 2)|x.repeat_interleave(2, 1)
t.repeat_interleave(x, i, 0)|x.repeat(2, 1)|x.tile(2, 2)|t.tile(v, (2, 1))|t.block_diag(x, y)
"""
VIEWS = """
x.view(4, 3)|x.view(t.int32)|x.view(-1)|x.reshape(2, -1)|t.reshape(x, (6, 2))|x.flatten()|c.flatten(1)|x.t()|x.T|x.mT|c.transpose(0, 2)|c.permute(2, 0, 1)
t.permute(c, (1, 2, 0))|x.unsqueeze(0)|x.unsqueeze(-1)|x[None].squeeze()|x[None].squeeze(0)|x[None, :, None].squeeze((0, 2))
x.expand(2, 3, 4)|v.expand(3, -1)|v.expand_as(x)|x.view_as(y)|x.reshape_as(y)|x.narrow(1, 1, 2)|x.select(0, 1)|x.select(-1, -1)
x.diagonal()|c.diagonal(0, 1, 2)|t.diag(v)|t.diag(x)|t.diagflat(x)|t.diag_embed(x)|x.movedim(0, 1)|t.moveaxis(c, 0, -1)
x.swapaxes(0, 1)|x.unflatten(1, (2, 2))|x.unfold(1, 2, 1)|t.flip(x, (0,))|x.fliplr()|x.flipud()|t.roll(x, 1)|x.roll((1, 2), (0, 1))
t.rot90(x)|x.tril()|x.triu(1)|x.adjoint()|z.adjoint()|z.conj()|t.real(z)|t.imag(z)|z.abs()|z.angle()|x.ravel()|c.mT|c[0].H
"""
INDEXING = """
x[0]|x[-1, 2]|x[1:]|x[:, 1:3]|x[::2]|x[..., 0]|x[None, 1]|x[:, None, 2]|c[..., 1:2, :]|c[1, :, -1]|x[i]|x[:, i]|x[i, i]|x[i[:, None], i]
c[:, i]|c[0, :, i]|c[i % 2, :, i]|x[i.tolist()]|x[b]|x[:, t.tensor([True, False, True, False])]|x[n > 0]|x[1:, i]|x[t.tensor(1)]
t.take(x, i)|t.gather(x, 1, n % 4)|x.gather(0, n % 3)|x.take_along_dim(n % 4, 1)|x.index_select(1, i)|x.masked_fill(b, 2.5)
x.masked_select(b)|t.where(b, x, y)|t.where(x > 0, x, 0.0)|t.where(b)|t.nonzero(n)|x.index_put((i,), v)|x.clone().index_put_((i,), v)
x.clone().fill_(3)|x.clone().zero_()|x.clone().copy_(v)|x.scatter(1, n % 4, y)|x.scatter_add(1, n % 4, y)|x.scatter(1, n % 4, 2.0)
x.index_add(0, i, y)|x.index_fill(1, i, 9.0)|x.index_copy(0, t.tensor([2, 0, 1]), y)|x.masked_scatter(b, y)
x.scatter_reduce(1, n % 4, y, "amax")|x.select_scatter(v, 0, 1)|x.slice_scatter(y[:1], 0, 1, 2)|x.diagonal_scatter(v[:3])
F.one_hot(i)|F.one_hot(i, 5)|F.one_hot(n % 2)
"""
REDUCING = """
t.max(x)|t.max(x, 1)|t.max(x, 1, keepdim=True)|t.max(x, y)|x.max(0).values|x.max(dim=-1).indices|t.min(x)|t.min(x, 0)|t.min(x, y)
x.sum()|x.sum(1)|x.sum((0, 1))|x.sum(-1, keepdim=True)|n.sum()|b.sum()|x.sum(dtype=t.float64)|x.mean()|x.mean(0)|x.mean((0, 1), True)
x.prod()|x.prod(1)|x.var()|x.var(1)|x.var(1, unbiased=False)|x.var(dim=0, correction=0)|x.std()|x.std(0, keepdim=True)|t.var_mean(x, 1)
t.std_mean(x)|x.median()|x.median(1)|t.nanmedian(x)|t.nanmedian(x, 0)|x.mode()|x.argmax()|x.argmax(1)|x.argmin(0, keepdim=True)|x.amax(1)
x.amin((0, 1))|t.aminmax(x)|x.all()|b.any(1)|n.count_nonzero()|x.norm()|x.norm(1)|x.norm(2, 1)|x.norm(float("inf"))|t.dist(x, y)
x.logsumexp(1)|x.softmax(1)|x.softmax(1, dtype=t.float64)|F.softmax(x, dim=0)|F.log_softmax(x, -1)|F.softmin(x, 1)|x.cumsum(1)
x.cumprod(0)|x.cummax(1)|x.sort()|x.sort(0, descending=True)|t.msort(x)|x.argsort()|x.topk(2)|x.topk(2, 0, largest=False)|x.kthvalue(2)
t.unique(n)|t.unique(n, return_counts=True)|t.bincount(i)|t.searchsorted(v.sort().values.detach(), x)|t.trapezoid(x)|t.diff(x)
t.allclose(x, x)|t.equal(x, y)
"""
ARITHMETIC = """
x + y|x + 1|1 + x|x - n|2 - x|x * 2|x * s|x / 2|3 / x|n / 2|n // 2|x // 0.7|n % 3|x % 0.7|x ** 2|x ** 0.5|2 ** x|x ** y|n ** 2|-x|abs(x)|~b|b & b
b | ~b|b ^ b|n << 1|n >> 1|x > y|x <= 0|n == 1|n != n|x @ y.T|x @ v|v @ v|c @ y.T|t.add(x, y, alpha=2)|t.sub(x, 1, alpha=3)|t.true_divide(n, 2)
t.div(x, y, rounding_mode="floor")|t.div(n, 2, rounding_mode="trunc")|x.clamp(-0.5, 0.5)|x.clamp(min=0)|x.clamp(max=v)|x.clip(0, 1)
x.clamp(max=0)|x.pow(2)|x.pow(3.0)|t.pow(2, v)|x.abs().pow(y)|x.float_power(2)|x.remainder(0.6)|x.fmod(y)|x.lerp(y, 0.3)|x.addcmul(y, y, value=0.5)
x.addcdiv(y, y, value=0.5)|x.maximum(y)|x.exp()|x.abs().log()|x.abs().sqrt()|x.abs().rsqrt()|x.sigmoid()|x.tanh()|x.relu()|x.square()|x.reciprocal()
x.sign()|x.round()|x.round(decimals=1)|x.floor()|x.frac()|x.nan_to_num()|x.isnan()|x.to(t.float64)|x.to(t.int64)|x.double()|x.half()
x.bool()|n.float()|x.type_as(n)|x.int()|x.long().sum()|n + 1.5|n + True|b + 1|b + 1.5|s + n|z + x[:2, :3]|z * 2|t.sub(b, b)|-b|t.arange(4) ** -1
"""
LINEAR = """
t.mm(x, y.t())|t.matmul(c, m)|t.bmm(c, c.mT)|t.mv(x, v)|t.dot(v, v)|t.outer(v, v)|t.inner(x, v)|t.addmm(m[:3, :3], x, y.t())|t.einsum("ij,kj->ik", x, y)
t.einsum("ij->j", x)|t.einsum("ij,ij->", x, y)|t.einsum("ii", m)|t.einsum("bij,jk->bik", c, m)|t.tensordot(x, y, 2)|t.tensordot(x, y, ([0], [0]))
t.chain_matmul(x, m, m)|t.cross(x[:, :3], y[:, :3])|t.cross(x[:, :3], y[:, :3], dim=0)|t.trace(m)|t.kron(v, x)|t.cdist(x, y)|F.linear(x, y)|F.linear(x, y, v[:3])
F.pdist(x)|t.mm(x, y)|t.dot(x, y)|x @ m[:2]|t.bmm(x, y)|t.addmm(v, x, m)|t.baddbmm(s, c, c.mT)
"""
NETWORKS = """
F.relu(x)|F.relu6(3 * x)|F.elu(x)|F.selu(x)|F.celu(x, 2.0)|F.leaky_relu(x)|F.leaky_relu(x, 0.2)|F.gelu(x)|F.gelu(x, approximate="tanh")|F.silu(x)|F.mish(x)
F.softplus(x)|F.hardtanh(x)|F.hardswish(x)|F.hardsigmoid(x)|F.sigmoid(x)|F.tanh(x)|F.logsigmoid(x)|F.threshold(x, 0.1, 20.0)|F.glu(x)|F.rrelu(x.detach())
F.dropout(x, 0.5, False)|F.normalize(x)|F.layer_norm(x, (4,))|F.layer_norm(x, (4,), v, v)|F.batch_norm(x, v.detach(), v.detach().abs())|F.batch_norm(x, None, None, v, v, True)
F.instance_norm(img)|F.group_norm(img, 2)|F.embedding(i, x)|F.embedding(n % 3, x, padding_idx=0)|F.embedding_bag(n % 3, x)|F.embedding_bag(n % 3, x, mode="sum")
F.max_pool2d(img, 2)|F.max_pool2d(img, 2, return_indices=True)|F.max_pool1d(c, 2)|F.avg_pool2d(img, 2)|F.adaptive_avg_pool2d(img, 1)
F.adaptive_max_pool2d(img, (2, 3))|F.adaptive_max_pool1d(c, 2)|F.interpolate(img, scale_factor=2)|F.interpolate(img, (3, 5), mode="bilinear")
F.pad(x, (1, 2))|F.pad(x, (1, 0, 0, 1), value=1.5)|F.pad(img, (1, 1, 1, 1), mode="reflect")|F.pad(c, (1, 1), mode="circular")|F.pad(img, (1, 1, 1, 1), mode="replicate")|F.unfold(img, 2)|F.conv1d(c, c)
F.conv2d(img, img[:, :, :2, :3])|F.conv2d(img, img[:, :, :2, :3], padding=1, stride=2)|F.conv2d(img, img[:, :, :3, :3], padding="same")
F.scaled_dot_product_attention(c, c, c)|F.scaled_dot_product_attention(c, c, c, is_causal=True)|F.mse_loss(x, y)|F.mse_loss(x, y, reduction="none")
F.l1_loss(x, y, reduction="sum")|F.smooth_l1_loss(x, y)|F.huber_loss(x, y)|F.cross_entropy(x, i)|F.cross_entropy(x, y.softmax(1))
F.cross_entropy(x, i, label_smoothing=0.1)|F.cross_entropy(x, i, reduction="none")|F.nll_loss(x.log_softmax(1), i)|F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean")
F.binary_cross_entropy(x.sigmoid(), y.sigmoid())|F.binary_cross_entropy_with_logits(x, y.sigmoid())|F.cosine_similarity(x, y)|F.hinge_embedding_loss(x, y.sign())
F.triplet_margin_loss(x, y, x + y)|F.triplet_margin_with_distance_loss(x, y, x + y)|F.multi_margin_loss(x, i)|F.margin_ranking_loss(x, y, x.sign())|F.soft_margin_loss(x, y.sign().detach())
"""

GROUPS = {"creation": CREATION, "signals": SIGNALS, "joining": JOINING, "views": VIEWS, "indexing": INDEXING, "reducing": REDUCING, "arithmetic": ARITHMETIC,
          "linear": LINEAR, "networks": NETWORKS}
EXPRESSIONS: list[str] = []


def _split(text: str) -> list[str]:
    """The expressions of a group; `a | b` with spaces is torch's own operator."""
    return [e for line in text.strip().splitlines() for e in _bars(line)]


def _bars(line: str) -> list[str]:
    return [e.replace("\0", " | ") for e in line.replace(" | ", "\0").split("|")]


for _group in GROUPS.values():
    EXPRESSIONS += _split(_group)


def variables(make: Callable[[np.ndarray, bool], Any], dtype: str = "float32") -> dict[str, Any]:
    """What the expressions speak of: make(array, whether a gradient goes there)."""
    f = Factory(dtype)
    arrays = {"x": f(3, 4), "y": f(3, 4), "v": f(4), "s": f(), "c": f(2, 3, 4), "m": f(4, 4), "img": f(1, 2, 4, 6),
              "i": np.array([2, 0, 1]), "n": f(3, 4, dtype="int64", low=-4, high=5), "b": f(3, 4, dtype="bool"),
              "z": f(2, 3, dtype="complex128" if dtype == "float64" else "complex64")}
    return {name: make(a, a.dtype.kind in "fc") for name, a in arrays.items()}


def evaluate(expression: str, torch: Any, given: dict[str, Any]) -> Any:
    """The value of an expression."""
    return eval(expression, {"t": torch, "F": torch.nn.functional, **given})
