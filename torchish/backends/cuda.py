"""torch.backends.cuda: flags that can be set; XLA chooses its own algorithms."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from ..devices import cuda_is_available

__all__ = ["cufft_plan_cache", "is_built", "matmul", "sdp_kernel"]

matmul = SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True,
                         allow_bf16_reduced_precision_reduction=True,
                         allow_fp16_accumulation=False)
cufft_plan_cache = SimpleNamespace(size=0, max_size=4096, clear=lambda: None)
_attention = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built() -> bool:
    """Whether JAX has an accelerator."""
    return cuda_is_available()


def _declare(kind: str) -> None:
    def enabled() -> bool:
        return _attention[kind]

    def enable(enabled: bool) -> None:
        _attention[kind] = bool(enabled)
    enabled.__name__, enable.__name__ = f"{kind}_sdp_enabled", f"enable_{kind}_sdp"
    enabled.__doc__ = f"The flag of the {kind} attention kernel."
    enable.__doc__ = f"Sets the flag of the {kind} attention kernel."
    globals().update({f.__name__: f for f in (enabled, enable)})
    __all__.extend([enabled.__name__, enable.__name__])


for _kind in _attention:
    _declare(_kind)


@contextmanager
def sdp_kernel(enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True,
               enable_cudnn: bool = True) -> Iterator[None]:
    """The flags of the attention kernels set inside, and back afterwards."""
    before = dict(_attention)
    _attention.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        _attention.update(before)
