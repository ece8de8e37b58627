"""Loss modules: each keeps its arguments and calls the loss function of `nn.functional`."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from ..warned import warn
from . import functional as F
from ._reduction import legacy_reduction
from .declare import module_of
from .distance import PairwiseDistance
from .module import Module

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
           "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss",
           "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "NLLLoss2d",
           "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"]

Buffer = Tensor | None


class _Loss(Module):
    """Base of losses: `reduction` is "mean", "sum" or "none"."""
    reduction: str

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = legacy_reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """Base of losses with class or element weights."""

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
                 reduction: str = "mean") -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


def _loss(function: str, inputs: str = "input, target") -> Callable[[type], type]:
    return module_of(function, inputs, show=False)


@_loss("F.l1_loss")
class L1Loss(_Loss):
    """|x - y|."""
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.mse_loss")
class MSELoss(_Loss):
    """(x - y)^2."""
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.smooth_l1_loss")
class SmoothL1Loss(_Loss):
    """0.5 d^2 / beta where d = |x - y| < beta, else d - 0.5 beta."""
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    beta: float = 1.0


@_loss("F.huber_loss")
class HuberLoss(_Loss):
    """0.5 d^2 where d = |x - y| < delta, else delta (d - 0.5 delta)."""
    reduction: str = "mean"
    delta: float = 1.0

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta


@_loss("F.nll_loss")
class NLLLoss(_WeightedLoss):
    """-weight[y] * x[y] of log-probabilities x and class indices y."""
    weight: Buffer = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"


class NLLLoss2d(NLLLoss):
    """The older name of NLLLoss for images."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn("`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement and see "
             "https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.", FutureWarning)
        super().__init__(*args, **kwargs)


@_loss("F.cross_entropy")
class CrossEntropyLoss(_WeightedLoss):
    """-log softmax(x)[y] of logits x and class indices or class probabilities y."""
    weight: Buffer = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0


@_loss("F.poisson_nll_loss", "log_input, target")
class PoissonNLLLoss(_Loss):
    """exp(x) - y x for log_input, else x - y log(x + eps)."""
    log_input: bool = True
    full: bool = False
    size_average: bool | None = None
    eps: float = 1e-8
    reduce: bool | None = None
    reduction: str = "mean"

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(log_input, target, log_input=self.log_input, full=self.full, eps=self.eps,
                                  reduction=self.reduction)


class GaussianNLLLoss(_Loss):
    """0.5 (log(max(var, eps)) + (x - y)^2 / max(var, eps))."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


@_loss("F.kl_div")
class KLDivLoss(_Loss):
    """y (log y - x) of log-probabilities x and probabilities y (or their logarithms)."""
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    log_target: bool = False


@_loss("F.binary_cross_entropy")
class BCELoss(_WeightedLoss):
    """-weight (y log x + (1 - y) log(1 - x)) of probabilities x."""
    weight: Buffer = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.binary_cross_entropy_with_logits")
class BCEWithLogitsLoss(_Loss):
    """BCELoss of sigmoid(x), computed from the logits x."""
    weight: Buffer = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    pos_weight: Buffer = None


@_loss("F.hinge_embedding_loss")
class HingeEmbeddingLoss(_Loss):
    """x where y = 1, max(0, margin - x) where y = -1."""
    margin: float = 1.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.multilabel_margin_loss")
class MultiLabelMarginLoss(_Loss):
    """sum of max(0, 1 - (x[y[j]] - x[i])) / C over the targets j and the other classes i."""
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.soft_margin_loss")
class SoftMarginLoss(_Loss):
    """log(1 + exp(-y x))."""
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.multilabel_soft_margin_loss")
class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over classes of the binary cross entropy with logits."""
    weight: Buffer = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.cosine_embedding_loss", "input1, input2, target")
class CosineEmbeddingLoss(_Loss):
    """1 - cos where y = 1, max(0, cos - margin) where y = -1."""
    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


@_loss("F.margin_ranking_loss", "input1, input2, target")
class MarginRankingLoss(_Loss):
    """max(0, -y (x1 - x2) + margin)."""
    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"


class MultiMarginLoss(_WeightedLoss):
    """sum over the other classes of max(0, margin - x[y] + x[i])^p / C."""

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, size_average: bool | None = None,
                 reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.dim() != 1:
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.dim()}D instead")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, p=self.p, margin=self.margin, weight=self.weight,
                                   reduction=self.reduction)


def _check_margin(module: Module, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"{module._get_name()}: expected margin to be greater than 0, got {margin} instead")


class TripletMarginLoss(_Loss):
    """max(0, |a - p| - |a - n| + margin)."""

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
                 size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__(size_average, reduce, reduction)
        _check_margin(self, margin)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(anchor, positive, negative, margin=self.margin, p=self.p, eps=self.eps,
                                     swap=self.swap, reduction=self.reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """max(0, d(a, p) - d(a, n) + margin) with a distance function of your own."""

    def __init__(self, *, distance_function: Callable | None = None, margin: float = 1.0, swap: bool = False,
                 reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        _check_margin(self, margin)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=self.distance_function,
                                                   margin=self.margin, swap=self.swap, reduction=self.reduction)


class CTCLoss(_Loss):
    """Connectionist temporal classification: -log of the sum over all alignments."""

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(None, None, reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor) -> Tensor:
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
                          self.zero_infinity)
