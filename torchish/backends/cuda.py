"""torch.backends.cuda: flags that can be set; XLA chooses its own algorithms."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

from ..devices import cuda_is_available
from ..ops.attention import KERNELS
from ..tensor import Tensor

__all__ = ["SDPAParams", "can_use_cudnn_attention", "can_use_efficient_attention", "can_use_flash_attention", "cufft_plan_cache",
           "is_built", "is_flash_attention_available", "matmul", "sdp_kernel"]

matmul = SimpleNamespace(allow_tf32=False, fp32_precision="none", allow_fp16_reduced_precision_reduction=True,
                         allow_bf16_reduced_precision_reduction=True,
                         allow_fp16_accumulation=False)
cufft_plan_cache = SimpleNamespace(size=0, max_size=4096, clear=lambda: None)


def is_built() -> bool:
    """Whether JAX has an accelerator."""
    return cuda_is_available()


def _declare(kind: str) -> None:
    def enabled() -> bool:
        return KERNELS[kind]

    def enable(enabled: bool) -> None:
        KERNELS[kind] = bool(enabled)
    enabled.__name__, enable.__name__ = f"{kind}_sdp_enabled", f"enable_{kind}_sdp"
    enabled.__doc__ = f"The flag of the {kind} attention kernel."
    enable.__doc__ = f"Sets the flag of the {kind} attention kernel."
    globals().update({f.__name__: f for f in (enabled, enable)})
    __all__.extend([enabled.__name__, enable.__name__])


for _kind in ("flash", "mem_efficient", "math", "cudnn"):
    _declare(_kind)


@contextmanager
def sdp_kernel(enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True,
               enable_cudnn: bool = True) -> Iterator[None]:
    """The flags of the attention kernels set inside, and back afterwards."""
    before = dict(KERNELS)
    KERNELS.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        KERNELS.update(before)


@dataclass(frozen=True)
class SDPAParams:
    """A call of scaled_dot_product_attention, to ask which kernels of PyTorch's could take it."""
    query: Tensor
    key: Tensor
    value: Tensor
    attn_mask: Tensor | None
    dropout: float
    is_causal: bool
    enable_gqa: bool


def is_flash_attention_available() -> bool:
    """False: PyTorch's own kernels are not part of this package."""
    return False


def can_use_flash_attention(params: SDPAParams, debug: bool = False) -> bool:
    """False: PyTorch's own kernels are not part of this package."""
    return False


def can_use_efficient_attention(params: SDPAParams, debug: bool = False) -> bool:
    """False: PyTorch's own kernels are not part of this package."""
    return False


def can_use_cudnn_attention(params: SDPAParams, debug: bool = False) -> bool:
    """False: PyTorch's own kernels are not part of this package."""
    return False
