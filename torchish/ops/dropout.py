"""F.dropout and its relatives: when torch draws, what the mask looks like, and in which order it is drawn.

In: a tensor.  Out: a tensor.  The drawing itself is an op of random.py, reached through `t._dropped(name, input,
p, mask_shape, axes)`, which the facade supplies: it threads the default generator's state through that op.
"""
from __future__ import annotations

from typing import Any

from ..rng.layout import memory_order
from ..warned import warn
from .check import need_number
from .table import composite

__all__: list[str] = []

THREE = ("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - "
         "input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future "
         "release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D "
         "channel-wise dropout behavior, please switch to using dropout1d instead.")


def _drop(t: Any, x: Any, p: float, training: bool, inplace: bool, name: str = "_dropout",
          lead: int = 0, functional: bool = True) -> Any:
    """functional: whether F's own function is called, which refuses `p` in other words.

    lead: how many leading dimensions have masks of their own, for feature dropout (0: all).
    """
    if p.__class__ is not float:
        p = need_number("dropout", "p", 2, p, "float")
    if p < 0 or p > 1:
        said = "dropout probability has to be between 0 and 1, but got"
        raise ValueError(f"{said} {p}") if functional else RuntimeError(f"{said} {p:g}")
    if p == 0 or not training or x.numel() == 0:
        return x
    if p == 1:
        return x.mul_(0) if inplace else x * 0
    if lead:
        if x.dim() < lead:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        out = t._dropped(name, x, p, (*x.shape[:lead], *[1] * (x.dim() - lead)), None)
    else:
        out = t._dropped(name, x, p, None, None if x.is_contiguous() else memory_order(x.stride()))
    return x.copy_(out) if inplace else out


def _spatial(name: str, spatial: int, kind: str) -> str:
    """torch's sentence about what a feature dropout is for."""
    plural = "s" if spatial > 1 else ""
    return (f"Note that {name} exists to provide channel-wise dropout on inputs with {spatial} spatial "
            f"dimension{plural}, a channel dimension, and an optional batch dimension (i.e. {kind} inputs).")


def _deprecated(name: str, x: Any, spatial: int, kind: str) -> None:
    warn(f"{name}: Received a {x.dim()}-D input to {name}, which is deprecated and will result in an error in "
         "a future release. To retain the behavior and silence this warning, please use dropout instead. "
         + _spatial(name, spatial, kind))


@composite(name="F_dropout", forms="F")
def dropout(t: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """input * bernoulli(1 - p) / (1 - p), elementwise; the input itself if not training."""
    return _drop(t, input, p, training, inplace)


@composite(forms="F")
def dropout1d(t: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, L) or (C, L)."""
    if input.dim() not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. "
                           + _spatial("dropout1d", 1, "2D or 3D"))
    return _drop(t, input, p, training, inplace, lead=input.dim() - 1)


@composite(forms="F")
def dropout2d(t: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, H, W); three dimensions are (N, C, L)."""
    if input.dim() not in (3, 4):
        _deprecated("dropout2d", input, 2, "3D or 4D")
    elif input.dim() == 3:
        warn(THREE)
    return _drop(t, input, p, training, inplace, lead=2)


@composite(forms="F")
def dropout3d(t: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    if input.dim() not in (4, 5):
        _deprecated("dropout3d", input, 3, "4D or 5D")
    return _drop(t, input, p, training, inplace, lead=2 if input.dim() == 5 else 1)


@composite(name="F_alpha_dropout", forms="F")
def alpha_dropout(t: Any, input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps mean and variance, for SELU."""
    return _drop(t, input, p, training, inplace, "_alpha_dropout")


@composite(name="F_feature_alpha_dropout", forms="F")
def feature_alpha_dropout(t: Any, input: Any, p: float = 0.5, training: bool = False,
                          inplace: bool = False) -> Any:
    """alpha_dropout of whole channels."""
    return _drop(t, input, p, training, inplace, "_alpha_dropout", lead=2)


def _plain(name: str, op: str, lead: int) -> None:
    """torch.dropout and the like: the same with (input, p, train) and no defaults, and in place."""
    def fn(t: Any, input: Any, p: float, train: bool) -> Any:
        return _drop(t, input, p, train, False, op, lead, False)

    def inplace(t: Any, input: Any, p: float, train: bool) -> Any:
        return _drop(t, input, p, train, True, op, lead, False)
    fn.__doc__ = inplace.__doc__ = f"torch.{name}: see torch.nn.functional."
    for name_, function in ((name, fn), (f"{name}_", inplace)):
        function.__module__ = __name__
        composite(name=name_, forms="function")(function)


_plain("dropout", "_dropout", 0)
_plain("feature_dropout", "_dropout", 2)
_plain("alpha_dropout", "_alpha_dropout", 0)
_plain("feature_alpha_dropout", "_alpha_dropout", 2)
