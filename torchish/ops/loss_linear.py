"""linear_cross_entropy: a linear layer and the cross entropy of its results in one call.

In: features, the weight of the layer, targets.  Out: the loss.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LinearCrossEntropyLoss.html
"""
from __future__ import annotations

from math import prod
from typing import Any

from ..warned import warn
from .check import require
from .table import composite

__all__: list[str] = []


@composite(forms="F")
def linear_cross_entropy(t: Any, input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None,
                         reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0,
                         options: Any = None) -> Any:
    """cross_entropy(linear(input)); input (N, F) or (F), linear_weight (C, ..., F).  How it is cut into pieces is XLA's choice."""
    require(1 <= input.dim() <= 2, f"expected input with dimensionality 1 or 2, got {input.dim()}")
    require(linear_weight.dim() >= 2, f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}")
    features, (classes, *more) = input.shape[-1], linear_weight.shape[:-1]
    require(features == linear_weight.shape[-1], "expected equal input and linear_weight last dimensions (in_features), got "
            f"{features} and {linear_weight.shape[-1]}, respectively")
    shape = (classes, *more)
    require(linear_bias is None or tuple(linear_bias.shape) == shape, f"expected linear_bias shape {shape}, got "
            f"{None if linear_bias is None else tuple(linear_bias.shape)}")
    require(not more or input.dim() == 2, f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} "
            f"requires batched input, (N, {features}), got unbatched input with shape {tuple(input.shape)}")
    logits_shape = (*input.shape[:-1], *shape)
    require(ignore_index is None or tuple(target.shape) != logits_shape,
            "ignore_index cannot be specified when target contains probabilities")
    if options is not None and (more or reduction not in ("mean", "sum", "none") or label_smoothing or target.dtype != t.int64):
        warn("linear_cross_entropy: ``options`` ignored; chunked path needs reduction in {'mean','sum','none'}, "
             f"label_smoothing == 0, target.dtype == int64, out_features == (). Got reduction={reduction!r}, "
             f"label_smoothing={label_smoothing}, target.dtype={target.dtype}, out_features={tuple(more)}, tracing=False, "
             f"linear_bias.shape={None if linear_bias is None else tuple(linear_bias.shape)}.")
    if more:
        linear_weight = linear_weight.reshape(prod(shape), features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(prod(shape))
    logits = t.linear(input, linear_weight, linear_bias).reshape(logits_shape)
    return t.cross_entropy(logits, target, weight=weight, reduction=reduction,
                           ignore_index=-100 if ignore_index is None else ignore_index, label_smoothing=label_smoothing)
