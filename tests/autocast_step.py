"""A training step in mixed precision, for torch and torchish alike.

In: the module.  Out: the loss, the dtypes on the way, the gradients.
"""
from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["step"]


def step(torch: Any) -> dict[str, Any]:
    """Convolution, normalisation, linear layer and loss in a region of bfloat16, backward outside."""
    draw = np.random.RandomState(0)

    def made(*shape: int) -> Any:
        return torch.tensor(draw.rand(*shape).astype(np.float32) - 0.5)
    x, target = made(4, 2, 5, 5), torch.tensor([0, 2, 1, 2])
    kernel, weight, bias = (made(*s).requires_grad_() for s in ((3, 2, 3, 3), (3, 27), (3,)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h = torch.nn.functional.conv2d(x, kernel).relu()
        n = torch.nn.functional.layer_norm(h.flatten(1), (27,))
        logits = torch.nn.functional.linear(n, weight, bias)
        loss = torch.nn.functional.cross_entropy(logits, target)
    loss.backward()
    return {"loss": loss.item(), "dtypes": [str(t.dtype).rpartition(".")[2] for t in (h, n, logits, loss)],
            "grads": [p.grad.flatten().tolist() for p in (kernel, weight, bias)],
            "grad dtypes": [str(p.grad.dtype).rpartition(".")[2] for p in (kernel, weight, bias)]}
