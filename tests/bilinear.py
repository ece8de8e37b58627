"""Custom functions that are linear in each of two arguments: their backward and their jvp call the function itself."""
from __future__ import annotations

import torchish as torch


def bilinear(forward, vmap=None):
    """The class of the function that `forward` computes; `vmap`: its own rule, where it has one."""
    class Bilinear(torch.autograd.Function):
        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return Bilinear.apply(g, y), Bilinear.apply(x, g)

        @staticmethod
        def jvp(ctx, x_t, y_t):
            x, y = ctx.saved_tensors
            return Bilinear.apply(x_t, y) + Bilinear.apply(x, y_t)
    Bilinear.forward = staticmethod(forward)
    if vmap is not None:
        Bilinear.vmap = staticmethod(vmap)
    return Bilinear
