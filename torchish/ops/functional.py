"""Functions of torch.nn.functional whose arguments differ from those of the op: `inplace`, `_stacklevel`.

In: tensors.  Out: tensors.  A name such as F_relu is published as `torch.nn.functional.relu`.
"""
from __future__ import annotations

from typing import Any

from ..warned import warn
from .table import composite

__all__: list[str] = []


@composite(name="F_relu", forms="F")
def relu(t: Any, input: Any, inplace: bool = False) -> Any:
    """max(input, 0)."""
    return input.relu_() if inplace else t.relu(input)


@composite(name="F_relu_", forms="F")
def relu_(t: Any, input: Any) -> Any:
    """relu in place."""
    return input.relu_()


@composite(name="F_relu6", forms="F")
def relu6(t: Any, input: Any, inplace: bool = False) -> Any:
    """min(max(input, 0), 6)."""
    return input.relu6_() if inplace else t.relu6(input)


@composite(name="F_hardtanh", forms="F")
def hardtanh(t: Any, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """input limited to [min_val, max_val]."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return input.hardtanh_(min_val, max_val) if inplace else t.hardtanh(input, min_val, max_val)


@composite(name="F_hardtanh_", forms="F")
def hardtanh_(t: Any, input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """hardtanh in place."""
    return input.hardtanh_(min_val, max_val)


@composite(name="F_leaky_relu", forms="F")
def leaky_relu(t: Any, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """input where positive, negative_slope * input elsewhere."""
    return input.leaky_relu_(negative_slope) if inplace else t.leaky_relu(input, negative_slope)


@composite(name="F_leaky_relu_", forms="F")
def leaky_relu_(t: Any, input: Any, negative_slope: float = 0.01) -> Any:
    """leaky_relu in place."""
    return input.leaky_relu_(negative_slope)


@composite(name="F_elu", forms="F")
def elu(t: Any, input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """input where positive, alpha * (exp(input) - 1) elsewhere."""
    return input.elu_(alpha) if inplace else t.elu(input, alpha)


@composite(name="F_elu_", forms="F")
def elu_(t: Any, input: Any, alpha: float = 1.0) -> Any:
    """elu in place."""
    return input.elu_(alpha)


@composite(name="F_selu", forms="F")
def selu(t: Any, input: Any, inplace: bool = False) -> Any:
    """The scaled elu that keeps mean and variance."""
    return input.selu_() if inplace else t.selu(input)


@composite(name="F_celu", forms="F")
def celu(t: Any, input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """max(input, 0) + min(0, alpha * (exp(input / alpha) - 1))."""
    return input.celu_(alpha) if inplace else t.celu(input, alpha)


@composite(name="F_selu_", forms="F")
def selu_(t: Any, input: Any) -> Any:
    """selu in place."""
    return input.selu_()


@composite(name="F_celu_", forms="F")
def celu_(t: Any, input: Any, alpha: float = 1.0) -> Any:
    """celu in place."""
    return input.celu_(alpha)


@composite(name="F_silu", forms="F")
def silu(t: Any, input: Any, inplace: bool = False) -> Any:
    """input * sigmoid(input)."""
    return input.silu_() if inplace else t.silu(input)


@composite(name="F_mish", forms="F")
def mish(t: Any, input: Any, inplace: bool = False) -> Any:
    """input * tanh(softplus(input))."""
    return input.mish_() if inplace else t.mish(input)


@composite(name="F_hardswish", forms="F")
def hardswish(t: Any, input: Any, inplace: bool = False) -> Any:
    """input * relu6(input + 3) / 6."""
    return input.hardswish_() if inplace else t.hardswish(input)


@composite(name="F_hardsigmoid", forms="F")
def hardsigmoid(t: Any, input: Any, inplace: bool = False) -> Any:
    """relu6(input + 3) / 6."""
    return input.hardsigmoid_() if inplace else t.hardsigmoid(input)


@composite(name="F_threshold", forms="F")
def threshold(t: Any, input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """input where greater than threshold, value elsewhere."""
    return input.threshold_(threshold, value) if inplace else t.threshold(input, threshold, value)


@composite(name="F_threshold_", forms="F")
def threshold_(t: Any, input: Any, threshold: float, value: float) -> Any:
    """threshold in place."""
    return input.threshold_(threshold, value)


def _implicit_dim(name: str, ndim: int) -> int:
    warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
         "argument.")
    return 0 if ndim in (0, 1, 3) else 1


@composite(name="F_softmax", forms="F")
def softmax(t: Any, input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """exp(input) / sum of exp(input) along dim."""
    return t.softmax(input, _implicit_dim("softmax", input.dim()) if dim is None else dim, dtype)


@composite(name="F_softmin", forms="F")
def softmin(t: Any, input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """softmax(-input) along dim."""
    return t.softmax(t.neg(input), _implicit_dim("softmin", input.dim()) if dim is None else dim, dtype)


@composite(name="F_log_softmax", forms="F")
def log_softmax(t: Any, input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """log(softmax(input)) along dim."""
    return t.log_softmax(input, _implicit_dim("log_softmax", input.dim()) if dim is None else dim, dtype)


@composite(name="F_sigmoid", forms="F")
def sigmoid(t: Any, input: Any) -> Any:
    """1 / (1 + exp(-input))."""
    return t.sigmoid(input)


@composite(name="F_tanh", forms="F")
def tanh(t: Any, input: Any) -> Any:
    """The hyperbolic tangent."""
    return t.tanh(input)
