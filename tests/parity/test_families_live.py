"""Families of ops against the torch that is installed: elementwise, reductions, activations, losses, norms, pools, convolutions.

In: expressions that make their own operands, evaluated by torch and by torchish.  Out: the same dtypes, shapes, values, first and second
gradients and first sentences of errors, but for what tests/parity/differences.py lists.  Every op of the families is in an expression.
"""
from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parent))

from op_cases import Factory
from op_golden import asked, flat_tensors
from test_ops_live import BINARY, NUMBERS, UNARY, listed, to_torch, unequal

import torchish
from torchish.ops.table import TABLE

pytestmark = pytest.mark.parity

# One operand `x` of every layout.  Numbers lie between -2 and 2, for the second list between 0.1 and 0.9.
ELEMENTWISE = """
t.sgn(x)|t.positive(x)|t.conj_physical(x)|t.angle(x)|t.isinf(x)|t.isneginf(x)|t.isposinf(x)|t.isreal(x)|t.signbit(x)|t.bitwise_not(x)|t.deg2rad(x)
t.rad2deg(x)|t.round(x, decimals=1)|t.exp2(x)|t.sinc(x)|t.i0(x)|t.erfc(x)|t.clamp_min(x, 0.5)|t.clamp_max(x, 0.5)|t.nan_to_num(x, 1.0, 2.0, -2.0)
t.frexp(x)|t.float_power(x, 2)|t.rsub(x, 2)|t.special.i0e(x)|t.special.i1(x)|t.special.i1e(x)|t.special.ndtr(x)|t.special.log_ndtr(x)|t.special.erfcx(x)
t.special.spherical_bessel_j0(x)|t.asinh(x)|t.full_like(x, 3)|t.ones_like(x)|t.zeros_like(x)|x.new_full((2,), 3)|x.new_ones(2)|x.new_zeros(2)|t.real(x)
F.relu(x)|F.relu6(x)|F.hardtanh(x, -0.5, 0.6)|F.leaky_relu(x, 0.2)|F.elu(x, 0.7)|F.selu(x)|F.celu(x, 0.7)|F.gelu(x)|F.gelu(x, approximate="tanh")
F.silu(x)|F.mish(x)|F.softplus(x, 2, 1)|F.logsigmoid(x)|F.hardsigmoid(x)|F.hardswish(x)|F.softsign(x)|F.tanhshrink(x)|F.softshrink(x, 0.3)
F.hardshrink(x, 0.3)|F.threshold(x, 0.1, 20)|F.prelu(x, t.full((1,), 0.25, dtype=x.dtype))|F.rrelu(x)|t.count_nonzero(x)|t.nansum(x)|t.aminmax(x)
t.special.softmax(x, 0)|F.softmin(x, 0)|t.cummax(x, 0)|t.cummin(x, 0)|t.logcumsumexp(x, 0)|t.var_mean(x)|t.std_mean(x)|t.nanmedian(x)|t.norm(x, 1)
t.linalg.vector_norm(x, 3)|t.polygamma(1, x)|t.add(x, x, alpha=2)|t.mul(x, 2.5)|t.fmin(x, x)|t.complex(x, x)|t.quantile(x, 0.3)
"""
RATIOS = """
t.acos(x)|t.atanh(x)|t.digamma(x)|t.lgamma(x)|t.erfinv(x)|t.log2(x)|t.log10(x)|t.logit(x)|t.logit(x, 0.2)|t.acosh(x + 1.5)|t.mvlgamma(x + 2, 2)
t.special.ndtri(x)|t.special.entr(x)|t.polygamma(2, x)|t.special.zeta(x + 2, 1.5)|t.xlogy(x, x)|t.special.xlog1py(x, x)
"""
# Expressions with operands of their own: f(*shape) of floats, p(*shape) between 0.1 and 0.9, k(high, *shape) of integers.
PAIRS = """
t.fmax(f(2, 3), f(3))|t.fmin(f(2, 1), f(3))|t.fmod(f(2, 3), p(3))|t.remainder(f(2, 3), p(3, 2).t())|t.floor_divide(f(2, 3), p(2, 1).expand(2, 3))|t.hypot(f(2, 3), f())
t.logaddexp2(f(2, 3), f(3))|t.heaviside(f(2, 3), f(3))|t.ldexp(f(2, 3), f(3))|t.copysign(f(2, 3), f())|t.nextafter(f(3), f(3))|t.clamp(f(2, 3), f(3), f(2, 1))
t.lerp(f(2, 3), f(2, 3), f(3))|t.addcdiv(f(2, 3), f(3), p(2, 1), value=0.3)|t.addcmul(f(0, 3), f(3), f(1))|t.isclose(f(2, 3), f(2, 3), 0.5, 0.5)|t.xlogy(f(2, 3), p(3))
t.dist(f(2, 3), f(2, 3), 3)|t.polar(p(2, 3), f(3))|t.igamma(p(3).detach(), p(3))|t.igammac(p(3).detach(), p(3))|t.pow(p(2, 3), f(3))|t.sub(f(3, 2).t(), f(3), alpha=3)|t.div(f(2, 3), p(3), rounding_mode="floor")
t.where(f(2, 3).detach() > 0, f(3), f())|t.maximum(f(2, 3), f(2, 3).t().t())|t.ge(f(2, 3), f(3))|t.gt(f(2, 3), f(3))|t.le(f(2, 3), f(3))|t.lt(f(2, 3), f(3))|t.eq(f(2), f(1))
"""
INTEGERS = """
t.gcd(k(9, 5), k(9, 5))|t.lcm(k(9, 5), k(9, 5))|t.bitwise_or(k(9, 5), k(9, 5))|k(9, 5) ^ 3|k(9, 5) << 2|k(99, 5) >> 2|t.logical_or(k(2, 5), k(2, 5))|t.logical_xor(k(2, 5), k(2, 5))
t.logical_not(k(2, 2, 3))|k(99, 5) // -7|k(99, 5) % -7|t.fmod(k(99, 5), -7)|t.add(k(9, 5), 1, alpha=-3)|k(9, 5) ** 2|t.bitwise_left_shift(k(9, 5), k(3, 5))
t.bitwise_right_shift(k(99, 5), k(3, 5))|t.sum(k(9, 2, 3), 1, dtype=t.float32)|t.cumsum(k(9, 2, 3), 1, dtype=t.int32)|t.arange(2, 9, 3)|t.arange(0, 1, 0.3)|t.arange(5, 0, -2)
t.linspace(0, 1, 5)|t.linspace(-3, 7, 4, dtype=t.int64)|t.logspace(0, 2, 3)|t.eye(2, 3)|t.full((2,), 7)|t.full((2,), -3, dtype=t.uint8)|t.tril_indices(3, 4, 1)|t.triu_indices(3, 4)
t.zeros(2, 0)|t.ones(3, dtype=t.bool)|t.empty(2, 0)|t.scalar_tensor(3)|t.bitwise_and(k(9, 5), 6)|t.ones(2, dtype=t.int32).new_zeros(3)|t.allclose(k(9, 3), k(9, 3))
"""
REDUCTIONS = """
f(2, 3, 4).sum((0, 2), True)|f(2, 3).t().mean(1)|f(2, 1).expand(2, 3).prod(0)|f(2, 3).prod()|f(0, 3).prod(0)|f(2, 3).nansum(1)|f(2, 3).nanmean(0)|f(2, 3, 4).var((0, 1))
f(2, 3).std(1, correction=0)|f(2, 3).var(1, unbiased=False, keepdim=True)|t.var_mean(f(2, 3), 1)|t.std_mean(f(2, 3), 0)|f(2, 3).amax((0, 1))|f(3, 2).t().amin(1, True)
t.aminmax(f(2, 3), dim=1)|f(2, 3).max(1)|f(2, 3).min(0, True)|f(2, 5).median(1)|f(2, 5).nanmedian(1)|k(3, 2, 7).mode(1)|f(2, 3).argmax(1)|f(2, 3).argmin(0, True)
f(2, 3).logsumexp((0, 1))|f(2, 3).cumsum(1)|f(2, 3).cumprod(1)|f(3, 2).t().cummax(1)|f(2, 3).cummin(0)|f(2, 3).logcumsumexp(1)|t.diff(f(2, 5), 2)|t.diff(f(2, 5), 1, 0, f(1, 5))
t.trapezoid(f(2, 5))|t.trapezoid(f(2, 5), p(5))|t.cumulative_trapezoid(f(2, 5), dx=0.5)|f(2, 3).norm()|f(2, 3).norm(float("inf"), 1)|f(2, 3).detach().norm(0, 1)|f(2, 3).norm(0.5, 1, True)
t.linalg.vector_norm(f(2, 3, 4), 3, (0, 2))|f(2, 3).all(1)|f(2, 3).any(0, True)|f(2, 3).count_nonzero(1)|t.quantile(f(2, 5), p(3), 1)|t.quantile(f(5), 0.4, interpolation="nearest")
t.nanquantile(f(2, 5), 0.7, 1, True)|t.histc(f(9), 4, -1, 1)|t.renorm(f(3, 4), 2, 0, 1.0)|t.norm(f(3, 4), "nuc")|t.max(f(3))|t.min(f(3, 2).t())|f(2, 0).sum(1)|f(2, 0).detach().mean(1)
f(3, 4).log_softmax(1)|f(4, 3).t().softmax(0)|f(2, 3).softmax(1, dtype=t.float64)|F.softmin(f(2, 3), 1)|f().softmax(0)|f(2, 3, 4).mean((0, 2))|f().cumsum(0)|f(2, 3).sum((), True)
"""
LAYERS = """
F.layer_norm(f(2, 3, 4), (3, 4), f(3, 4), f(3, 4))|F.layer_norm(f(4, 2).t(), (4,), f(4))|F.rms_norm(f(2, 4), (4,), f(4))|F.rms_norm(f(2, 4), (4,), eps=0.1)
F.batch_norm(f(4, 3, 2), None, None, f(3), f(3), True)|F.batch_norm(f(4, 3), f(3).detach(), p(3).detach(), f(3), f(3), False)|F.batch_norm(f(4, 3), None, None, training=True)
F.group_norm(f(2, 4, 3), 2, f(4), f(4))|F.group_norm(f(0, 4, 3), 2)|F.instance_norm(f(2, 3, 4), weight=f(3), bias=f(3))|F.local_response_norm(f(2, 5, 3), 3, 0.1, 0.6, 1.5)
F.normalize(f(2, 3), 3, 1)|F.normalize(f(3, 2).t())|F.glu(f(2, 4))|F.glu(f(4, 3), 0)|F.prelu(f(2, 3, 2), f(3))|F.linear(f(2, 3), f(4, 3), f(4))|F.bilinear(f(2, 3), f(2, 4), f(5, 3, 4), f(5))
F.embedding(k(5, 2, 3), f(5, 4), padding_idx=1)|F.embedding_bag(k(5, 2, 3), f(5, 4))|F.embedding_bag(k(5, 6), f(5, 4), k(1, 1), mode="sum")|F.embedding_bag(k(5, 2, 3), f(5, 4), mode="max")
F.dropout(f(2, 3), 0.5, False)|F.dropout2d(f(2, 3, 4, 4), 0.5, False)|F.alpha_dropout(f(2, 3), 0.5, False)|F.pixel_shuffle(f(2, 8, 2, 3), 2)|F.pixel_unshuffle(f(2, 2, 4, 6), 2)
F.channel_shuffle(f(2, 6, 3), 3)|F.unfold(f(2, 3, 4, 5), 2, padding=1)|F.fold(f(1, 8, 9), (4, 4), 2)|F.pad(f(2, 3, 4), (1, 2))|F.pad(f(2, 3, 4), (1, 2), "reflect")|F.pad(f(2, 3, 4), (1, 2), "circular")
F.pad(f(2, 3, 4), (1, 2), "replicate")|F.interpolate(f(1, 2, 4), 7)|F.interpolate(f(1, 2, 4), 7, mode="linear")|F.interpolate(f(1, 2, 4, 3), scale_factor=2, mode="bilinear", align_corners=True)
F.interpolate(f(1, 2, 4, 3), (3, 5), mode="bicubic")|F.interpolate(f(1, 1, 2, 3, 2), 4, mode="trilinear")|F.interpolate(f(1, 2, 6), 4, mode="area")|F.interpolate(f(1, 2, 4), 7, mode="nearest-exact")
F.interpolate(f(1, 1, 6, 6), 3, mode="bilinear", antialias=True)|F.upsample(f(1, 2, 4), 8)|F.grid_sample(f(1, 2, 4, 5), f(1, 3, 3, 2))|F.grid_sample(f(1, 2, 4, 5), f(1, 3, 3, 2), "nearest", "border")
F.grid_sample(f(1, 2, 4, 5), f(1, 3, 3, 2), "bicubic", "reflection", True)|F.grid_sample(f(1, 1, 2, 3, 2), f(1, 2, 2, 2, 3))|F.affine_grid(f(2, 2, 3), (2, 1, 3, 4))
F.scaled_dot_product_attention(f(2, 4, 3), f(2, 5, 3), f(2, 5, 2))|F.scaled_dot_product_attention(f(1, 2, 4, 3), f(1, 2, 4, 3), f(1, 2, 4, 3), is_causal=True)
F.scaled_dot_product_attention(f(2, 4, 3), f(2, 5, 3), f(2, 5, 2), f(4, 5), scale=0.3)|F.scaled_dot_product_attention(f(2, 4, 3), f(2, 5, 3), f(2, 5, 2), k(2, 4, 5) > 0)
F.cosine_similarity(f(2, 3), f(2, 3))|F.cosine_similarity(f(3, 1), f(4), 0)|F.pairwise_distance(f(2, 3), f(3))|F.pdist(f(4, 3))|t.cdist(f(3, 2), f(4, 2))|t.cdist(f(2, 3, 2), f(4, 2), 1.0)
t.cdist(f(3, 2), f(4, 2), float("inf"))|F.one_hot(k(4, 3), 4)
"""
CONVOLUTIONS = """
F.conv1d(f(2, 4, 7), f(6, 2, 3), f(6), 2, 1, 1, 2)|F.conv1d(f(2, 2, 7), f(3, 2, 2), padding="same", dilation=2)|F.conv1d(f(2, 7), f(3, 2, 2))|F.conv2d(f(2, 3, 5, 4), f(4, 3, 3, 2), f(4))
F.conv2d(f(1, 4, 5, 6), f(4, 1, 3, 3), None, (2, 1), (1, 0), 1, 4)|F.conv2d(f(2, 3, 5, 5), f(2, 3, 2, 2), padding="valid")|F.conv2d(f(3, 5, 2, 5).permute(2, 0, 1, 3), f(2, 3, 2, 2))
F.conv3d(f(1, 2, 4, 4, 3), f(3, 2, 2, 2, 2), f(3), 1, 1)|F.conv_transpose1d(f(2, 4, 5), f(4, 3, 3), f(3), 2, 1, 1)|F.conv_transpose2d(f(2, 4, 3, 3), f(4, 2, 2, 2), None, 2, 0, 0, 2)
F.conv_transpose2d(f(1, 2, 3, 3), f(2, 2, 3, 3), dilation=2, padding=1)|F.conv_transpose3d(f(1, 2, 3, 2, 2), f(2, 2, 2, 2, 2))|F.conv2d(f(0, 3, 5, 5), f(2, 3, 2, 2))
F.max_pool1d(f(2, 3, 7), 3, 2, 1)|F.max_pool2d(f(2, 3, 6, 5), 2, ceil_mode=True)|F.max_pool2d(f(3, 6, 5), 3, 1, 1, 1, return_indices=True)|F.max_pool3d(f(1, 2, 4, 4, 5), 2)
F.max_pool1d(f(2, 3, 7), 2, return_indices=True)|F.max_pool3d(f(1, 2, 4, 4, 4), 2, return_indices=True)|F.avg_pool1d(f(2, 3, 7), 3, 2, 1)|F.avg_pool2d(f(2, 3, 6, 5), 2, 1, 1, True, False)
F.avg_pool2d(f(2, 3, 6, 5), 3, divisor_override=2)|F.avg_pool3d(f(1, 2, 4, 4, 4), 2)|F.lp_pool1d(p(2, 3, 6), 2, 2)|F.lp_pool2d(p(2, 3, 6, 4), 3, 2)|F.lp_pool3d(p(1, 2, 4, 4, 4), 2, 2)
F.adaptive_avg_pool1d(f(2, 3, 7), 3)|F.adaptive_avg_pool2d(f(2, 3, 6, 5), (2, None))|F.adaptive_avg_pool3d(f(1, 2, 4, 5, 4), (2, 3, 1))|F.adaptive_max_pool1d(f(2, 3, 7), 3)
F.adaptive_max_pool2d(f(2, 3, 6, 5), (2, 3))|F.adaptive_max_pool3d(f(1, 2, 4, 5, 4), 2)|F.adaptive_max_pool1d(f(2, 3, 7), 3, True)|F.adaptive_max_pool2d(f(2, 3, 6, 5), 2, True)
F.adaptive_max_pool3d(f(1, 2, 4, 4, 4), 2, True)|F.max_unpool1d(f(1, 2, 2), t.tensor([[[0, 3], [1, 2]]]), 2)|F.max_unpool2d(f(1, 1, 1, 2), t.tensor([[[[0, 7]]]]), 2)
F.max_unpool3d(f(1, 1, 1, 1, 2), t.tensor([[[[[0, 15]]]]]), 2)
"""
LOSSES = """
F.mse_loss(f(2, 3), f(2, 3))|F.mse_loss(f(2, 3), f(2, 3), reduction="none")|F.mse_loss(f(2, 3), f(2, 3), weight=p(2, 3))|F.l1_loss(f(2, 3), f(2, 3))|F.smooth_l1_loss(f(2, 3), f(2, 3), beta=0.5)
F.huber_loss(f(2, 3), f(2, 3), delta=0.5, reduction="sum")|F.binary_cross_entropy(p(2, 3), p(2, 3), p(3).detach())|F.binary_cross_entropy_with_logits(f(2, 3), p(2, 3), p(3).detach(), pos_weight=p(3).detach())
F.kl_div(f(2, 3), p(2, 3), reduction="batchmean")|F.kl_div(f(2, 3), f(2, 3), log_target=True)|F.gaussian_nll_loss(f(2, 3), f(2, 3), p(2, 3), full=True)|F.poisson_nll_loss(f(2, 3), p(2, 3))
F.poisson_nll_loss(p(2, 3), 3 * p(2, 3), log_input=False, full=True, reduction="none")|F.nll_loss(f(4, 3), k(3, 4), p(3).detach())|F.nll_loss(f(2, 3, 4), k(3, 2, 4), ignore_index=1)
F.cross_entropy(f(4, 3), k(3, 4))|F.cross_entropy(f(4, 3), k(3, 4), p(3).detach(), label_smoothing=0.1)|F.cross_entropy(f(4, 3), p(4, 3), reduction="sum")|F.cross_entropy(f(3), k(3))
F.cross_entropy(f(2, 3, 4), k(3, 2, 4), ignore_index=1, reduction="none")|F.multi_margin_loss(f(4, 3), k(3, 4), 2, 0.7, p(3).detach())|F.multilabel_margin_loss(f(2, 4), k(4, 2, 4))
F.multilabel_soft_margin_loss(f(2, 4), p(2, 4), p(4))|F.hinge_embedding_loss(f(2, 3), k(2, 2, 3) * 2 - 1, 0.5)|F.margin_ranking_loss(f(4), f(4), k(2, 4) * 2 - 1, 0.5)
F.cosine_embedding_loss(f(3, 4), f(3, 4), k(2, 3) * 2 - 1, 0.1)|F.triplet_margin_loss(f(3, 4), f(3, 4), f(3, 4), 2.0, swap=True)|F.soft_margin_loss(f(2, 3), k(2, 2, 3) * 2 - 1)
F.triplet_margin_with_distance_loss(f(3, 4), f(3, 4), f(3, 4), margin=2.0)|F.ctc_loss(f(5, 2, 4).log_softmax(2), k(3, 2, 2) + 1, (5, 4), (2, 1))|F.mse_loss(f(2, 0), f(2, 0), reduction="sum")
"""
WRITES = """
t.add(f(2, 3), f(3), out=o(2, 3))|t.exp(f(2, 3), out=o(0))|t.exp(f(2, 3), out=o(3, 2).t())|t.sum(f(2, 3), 1, out=o(2))|t.cumsum(f(2, 3), 1, out=o(2, 3))|t.max(f(2, 3), 1, out=(o(2), o(2).long()))
t.mean(f(2, 3), 1, out=o(2).long())|t.exp(f(2, 3), out=o(2, 3).long())|t.argmax(f(2, 3), 1, out=o(2))|t.where(f(2) > 0, f(2), f(2), out=o(2))|t.logsumexp(f(2, 3), 1, out=o(2))
t.arange(4, out=o(0))|t.ones(3, out=o(3).long())|t.full((3,), 2.5, dtype=t.float64, out=o(3).float())|t.linspace(0, 1, 3, out=o(0))|t.norm(f(2, 3), out=o())|t.quantile(f(5), 0.5, out=o())
f(2, 3).detach().abs_()|f(2, 3).detach().clamp_min_(0)|f(2, 3).detach().float_power_(2)|(f(2) * 1j).abs_()|f(2, 3).detach().cumsum_(1)|f(2, 3).detach().lerp_(f(3).detach(), 0.3)|F.relu_(f(2, 3).detach())
F.elu(f(2, 3).detach(), 1.0, True)|F.hardtanh(f(2, 3).detach(), inplace=True)|F.silu(f(2, 3).detach(), inplace=True)|k(9, 3).float_power_(2)|k(9, 3).exp_()|k(9, 3).sigmoid_()|k(9, 3).clamp_(2, 5)
f(2, 3).detach().fill_(2)|f(2, 3).detach().zero_()|f(3).detach().nan_to_num_()|f(3).detach().addcdiv_(p(3).detach(), p(3).detach())|f(3).detach().copysign_(-1)|f(2, 3).detach().logit_(0.1)
"""
WRONG = """
k(9, 3).mean()|k(9, 3).softmax(0)|k(9, 3).var()|k(9, 3).norm()|k(9, 3).lgamma_()|t.pow(2, 3)|t.bitwise_and(2, 3)|t.remainder(3, 2)|t.xlogy(2, 3)|f(2) & f(2)|f(2) << 1|t.gcd(f(2), f(2))
t.full((2,), 300, dtype=t.uint8)|t.zeros(2, dtype=t.uint8).fill_(300)|f(2).fill_(1e300)|t.ones(2).add(1, alpha=1j)|k(9, 2).add(1, alpha=0.5)|t.clamp(f(2))|t.lerp(f(2), t.ones(2).half(), 0.5)
t.isclose(f(2), f(2), rtol=-1)|t.complex(f(2), k(9, 2))|t.quantile(f(2), 1.5)|t.quantile(k(9, 2), 0.5)|t.quantile(f(2), 0.5, interpolation="odd")|t.histc(f(2), 0)|f(2, 3).sum((0, 0))
f(2, 3).max(2)|f(0).max()|f(0, 3).amax(0)|f(2, 3).cumsum(2)|t.diff(f(2), -1)|t.diff(f())|t.logcumsumexp(k(9, 2), 0)|t.mvlgamma(f(2), 0)|t.polygamma(-1, f(2))|F.softshrink(f(2), -1)|F.glu(f(3))
F.glu(f())|F.prelu(f(2, 3), f(2))|F.prelu(f(2, 3), f(1, 1))|F.gelu(f(2), approximate="odd")|F.threshold(f(2), "a", 1)|F.layer_norm(f(2, 3), (2,))|F.layer_norm(f(2, 3), (3,), f(2))
F.rms_norm(f(2, 3), (2,))|F.group_norm(f(2, 3), 2)|F.group_norm(f(2, 4), 2, f(3))|F.batch_norm(f(2, 3), None, None)|F.batch_norm(f(2, 3), f(2), f(2))|F.instance_norm(f(2, 3, 1))
F.local_response_norm(f(2, 3), 2)|F.normalize(k(9, 2, 3))|F.conv1d(f(1, 1, 4), f(1, 2))|F.conv1d(f(1, 1, 4), f(1, 1, 2), dilation=0)|F.conv2d(f(1, 1, 4, 4), f(1, 1, 2), padding="same")
F.conv2d(f(1, 1, 4, 4), f(1, 1, 2, 2), padding="odd")|F.conv2d(f(1, 1, 4, 4), f(1, 1, 2, 2), stride=2, padding="same")|F.conv2d(f(1, 2, 4, 4), f(1, 1, 2, 2))|F.conv1d(f(1, 1, 4), f(1, 1, 2), f(2))
F.conv_transpose1d(f(1, 1, 4), f(1, 1, 2), output_padding=1)|F.conv2d(f(1, 1, 4, 4), f(1, 1, 2, 2), stride=0)|F.max_pool1d(f(2, 3, 4), 5)|F.max_pool1d(f(2, 3, 4), 2, 0)|F.max_pool1d(f(0, 4), 1)
F.max_pool2d(f(2, 0, 3), 1)|F.max_pool2d(f(2, 3), 1)|F.max_pool2d(f(1, 2, 2), 2, padding=2)|F.max_pool2d(f(1, 2, 2), 1, 0)|F.max_pool3d(f(1, 0, 2, 2, 2), 1)|F.avg_pool1d(f(0, 4), 1)
F.avg_pool2d(f(1, 2, 2), 2, padding=-1)|F.adaptive_avg_pool1d(f(1, 2, 3), ())|F.adaptive_avg_pool2d(f(2, 2), (2, 2))|F.adaptive_max_pool2d(f(1, 1, 1), (-1, 0))|F.adaptive_max_pool3d(f(1, 1, 1, 1), ())
F.embedding(k(5, 2), f(5))|F.embedding_bag(k(5, 2), f(5, 3))|F.pixel_shuffle(f(1, 3, 2, 2), 2)|F.pixel_unshuffle(f(1, 3, 3, 2), 2)|F.interpolate(f(1, 2, 4), (2, 2))|F.interpolate(f(1, 2, 4), mode="odd", size=2)
F.interpolate(f(1, 2, 4))|F.grid_sample(f(1, 2, 3), f(1, 2, 2))|F.grid_sample(f(1, 1, 2, 2), f(2, 1, 1, 2))|F.pdist(f(3))|t.cdist(f(3), f(3, 2))|t.cdist(f(3, 2), f(3, 4))|F.cosine_similarity(k(9, 2, 3), k(9, 2, 3))
F.scaled_dot_product_attention(f(2), f(2), f(2))|F.scaled_dot_product_attention(f(2, 3), f(2, 3), f(2, 3), f(2, 2), is_causal=True)|F.mse_loss(f(2), f(3))|F.smooth_l1_loss(f(2), f(2), beta=-1)
F.huber_loss(f(2), f(2), delta=0)|F.binary_cross_entropy(p(2), p(3))|F.nll_loss(f(2, 3), k(3, 3))|F.nll_loss(f(2, 3), f(2))|F.cross_entropy(f(2, 3), k(3, 2), label_smoothing=2)|F.multi_margin_loss(f(2, 3), k(3, 2), 3)
F.multi_margin_loss(f(2, 3), k(3, 3))|F.multi_margin_loss(f(2, 0), k(3, 2))|F.multi_margin_loss(f(2, 3), k(3, 2), weight=f(2))|F.multilabel_margin_loss(f(2, 3), k(3, 2))|F.margin_ranking_loss(f(2), f(2), f(2, 1))
F.cosine_embedding_loss(f(2, 3), f(2, 3), f(2, 3))|F.triplet_margin_loss(f(2, 3), f(2, 3), f(3))|F.triplet_margin_loss(f(2, 3), f(2, 3), f(2, 3), margin=-1)|F.gaussian_nll_loss(f(2), f(2), p(3))|F.kl_div(f(2), f(3))
"""
# Ops of the families that no expression can compare: why.
ELSEWHERE: dict[str, str] = {
}
FAMILIES = ("activation", "attention", "bitwise", "bounds", "compare", "conv", "embed", "extreme", "fold", "grid", "interpolate", "loss", "loss_class",
            "loss_pair", "moments", "norm", "order", "pointwise", "pool", "pool_adaptive", "reduce", "scan", "softmax", "special", "unary", "vector_norm")


class Given:
    """The operands of an expression, made in the order in which it asks for them; the floating ones are `leaves`."""

    def __init__(self, t: Any, dtype: str, grad: bool) -> None:
        self.t, self.grad, self.factory, self.leaves = t, grad, Factory(dtype), []
        self.make: Callable = to_torch if t is torch else t.tensor

    def f(self, *shape: int, low: float = -2, high: float = 2) -> Any:
        """Numbers in [low, high)."""
        made = self.make(self.factory(*shape, low=low, high=high))
        if self.grad and (made.is_floating_point() or made.is_complex()):
            self.leaves.append(made.requires_grad_())
        return made

    def p(self, *shape: int) -> Any:
        """Numbers between 0.1 and 0.9 (integers: 1 and 2)."""
        return self.f(*shape, low=1, high=3) if "int" in self.factory.dtype else self.f(*shape, low=0.1, high=0.9)

    def k(self, high: int, *shape: int) -> Any:
        """int64 numbers from 0 to high - 1."""
        return self.make(self.factory(*shape, dtype="int64", low=0, high=high))

    def o(self, *shape: int) -> Any:
        """A tensor that is written into."""
        return self.make(self.factory(*shape))

    def layouts(self, ratios: bool) -> dict[str, Any]:
        """Tensors of every layout."""
        x = self.p if ratios else self.f
        return {"plain": x(2, 3), "0-dim": x(), "empty": x(2, 0), "transposed": x(3, 2).t(), "expanded": x(2, 1).expand(2, 3), "sliced": x(4, 6)[::2, 1:4]}

    def evaluate(self, expression: str, **more: Any) -> Any:
        """The expression's result, or {"error": ...}."""
        names = {"t": self.t, "F": self.t.nn.functional, "f": self.f, "p": self.p, "k": self.k, "o": self.o, **more}
        return asked(lambda: eval(compile(expression, "<expression>", "eval"), names))

    def gradients(self, result: Any, second: bool) -> Any:
        """Gradients of the leaves for fixed cotangents, and the order in which they came; `second`: those of their squares' sum."""
        roots = [r for r in flat_tensors(result) if r.requires_grad]
        if not roots or not self.leaves:
            return None
        cotangents = [self.make(np.asarray(np.cos(np.arange(r.numel())).reshape(tuple(r.shape)))).to(r.dtype).requires_grad_(second) for r in roots]
        order: list[int] = []
        hooks = [leaf.register_hook(lambda g, k=k: order.append(k)) for k, leaf in enumerate(self.leaves)]
        found = self.t.autograd.grad(roots, self.leaves, cotangents, allow_unused=True, create_graph=second, retain_graph=True)
        for hook in hooks:
            hook.remove()
        if not second:
            # several results may be leaves themselves: in which order the engine begins with these is not compared
            return [*[None if g is None else g + 0 for g in found], order if len(roots) == 1 else None]
        wrt = [*self.leaves, *cotangents]
        squares = [(g * g).sum() if not g.is_complex() else (g * g.conj()).real.sum() for g in found if g is not None and g.requires_grad]
        again = self.t.autograd.grad(sum(squares), wrt, allow_unused=True) if squares else [None] * len(wrt)
        return [self.t.zeros_like(x) if g is None else g + 0 for x, g in zip(wrt, again, strict=True)]


def compared(expression: str, dtype: str, grad: bool = False, tolerance: float | None = None) -> list[str]:
    """What differs between the two results of an expression, its gradients among them."""
    both = [Given(t, dtype, grad) for t in (torch, torchish)]
    wanted, found = (g.evaluate(expression) for g in both)
    wrong = [unequal(expression, dtype, wanted, found, tolerance=tolerance)]
    if grad and not any(isinstance(r, dict) for r in (wanted, found)):
        for second in (False, True):
            label = f"{dtype} {'second ' * second}gradient"
            theirs, ours = (asked(lambda g=g, r=r, second=second: g.gradients(r, second)) for g, r in zip(both, (wanted, found), strict=True))
            wrong.append(unequal(expression, label, theirs, ours, tolerance=tolerance))
    return [w for w in wrong if w]


def each_layout(expression: str, dtype: str, ratios: bool, grad: bool) -> list[str]:
    """The same for an operand `x` of each layout."""
    both = [Given(t, dtype, grad) for t in (torch, torchish)]
    tensors = [g.layouts(ratios) for g in both]
    results = [{kind: g.evaluate(expression, x=x) for kind, x in given.items()} for g, given in zip(both, tensors, strict=True)]
    wrong = [unequal(expression, f"{dtype} {kind}", results[0][kind], results[1][kind]) for kind in results[0]]
    if grad and not any(wrong):
        kept = [k for k, r in results[0].items() if not isinstance(r, dict) and not isinstance(results[1][k], dict)]
        for second in (False, True):
            theirs, ours = (asked(lambda g=g, r=r, second=second: g.gradients([r[k] for k in kept], second)) for g, r in zip(both, results, strict=True))
            wrong.append(unequal(expression, f"{dtype} {'second ' * second}gradient", theirs, ours, tolerance=1e-7))
    return [w for w in wrong if w]


@pytest.mark.parametrize("expression", [*listed(ELEMENTWISE), *listed(RATIOS)])
def test_layouts(expression: str) -> None:
    """One operand of each layout in several dtypes; first and second gradients in float64."""
    ratios = expression in listed(RATIOS)
    wrong = [w for dtype in ("float64", "bfloat16", "int64", "complex64")
             for w in each_layout(expression, dtype, ratios, dtype == "float64")]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("expression", [*listed(PAIRS), *listed(REDUCTIONS), *listed(LAYERS), *listed(CONVOLUTIONS), *listed(LOSSES)])
def test_operands_of_their_own(expression: str) -> None:
    """float64 with both gradients, and the forward in half precision and integers."""
    wrong = compared(expression, "float64", grad=True, tolerance=1e-7)
    wrong += [w for dtype in ("int64", "bfloat16") for w in compared(expression, dtype, tolerance=4e-2 if dtype == "bfloat16" else None)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("expression", [*listed(INTEGERS), *listed(WRITES), *listed(WRONG)])
def test_results(expression: str) -> None:
    """Integers, results written into tensors that are there, and bad input."""
    wrong = compared(expression, "float32")
    assert not wrong, "\n".join(wrong)


def test_every_op_is_compared() -> None:
    """Each op of these families, by its public name, is in an expression."""
    text = "|".join((UNARY, BINARY, NUMBERS, ELEMENTWISE, RATIOS, PAIRS, INTEGERS, REDUCTIONS, LAYERS, CONVOLUTIONS, LOSSES))
    words = set(re.findall(r"\w+", text)) | {w.rstrip("0") for w in re.findall(r"\w+", UNARY)}
    public = {op.name for op in TABLE.values() if op.family in FAMILIES and op.forms & {"function", "method", "F", "linalg", "special"}}
    missing = {n for n in public if re.sub(r"^(special|linalg)_|^F_|_(values|with_indices)$", "", n) not in words and n not in ELSEWHERE}
    operators = {"add", "sub", "mul", "div", "neg", "bitwise_or", "bitwise_xor", "ne", "atan2"}
    assert missing - operators == set()
