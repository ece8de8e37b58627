"""flex_attention and block masks, against scaled_dot_product_attention and formulas; pictures and counts are PyTorch 2.13's."""
from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from counting import counting

import torchish as torch
from torchish.nn.attention.flex_attention import (
    AuxRequest,
    and_masks,
    create_block_mask,
    create_mask,
    flex_attention,
    noop_mask,
    or_masks,
)
from torchish.nn.functional import scaled_dot_product_attention


def causal(b, h, q, k):
    return q >= k


def near(b, h, q, k):
    return (q - k).abs() < 3


def qkv(heads: int = 2, own: int = 2) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, n, size, 4, requires_grad=True) for n, size in ((heads, 10), (own, 12), (own, 12))]


def grads(out: torch.Tensor, leaves: list) -> list:
    return list(torch.autograd.grad((out * torch.arange(out.numel()).reshape(out.shape).cos()).sum(), leaves))


@pytest.mark.parametrize("mod", [causal, near, and_masks(causal, near), or_masks(causal, near), noop_mask])
def test_a_mask_and_its_gradient(mod: Callable) -> None:
    leaves = qkv()
    mask = create_block_mask(mod, None, None, 10, 12, device="cpu", BLOCK_SIZE=4)
    out = flex_attention(*leaves, block_mask=mask)
    wanted = scaled_dot_product_attention(*leaves, create_mask(mod, None, None, 10, 12, device="cpu"))
    torch.testing.assert_close([out, *grads(out, leaves)], [wanted, *grads(wanted, leaves)])


def test_a_score_mod_and_what_it_closes_over() -> None:
    leaves, bias = qkv(4, 2), torch.randn(4, 10, 12, requires_grad=True)
    out = flex_attention(*leaves, lambda score, b, h, q, k: 2 * torch.tanh(score / 2) + bias[h, q, k], scale=0.3, enable_gqa=True)
    q, k, v = leaves[0], *[x.repeat_interleave(2, 1) for x in leaves[1:]]
    wanted = torch.softmax(2 * torch.tanh(q @ k.transpose(-2, -1) * 0.3 / 2) + bias, -1) @ v
    torch.testing.assert_close([out, *grads(out, [*leaves, bias])], [wanted, *grads(wanted, [*leaves, bias])])


def test_a_row_without_keys_is_zero() -> None:
    leaves = qkv()
    mask = create_block_mask(lambda b, h, q, k: q > 3, None, None, 10, 12, device="cpu", BLOCK_SIZE=4)
    out, aux = flex_attention(*leaves, block_mask=mask, return_aux=AuxRequest(lse=True, max_scores=True))
    assert (out[:, :, :4] == 0).all() and (aux.lse[:, :, :4] == -math.inf).all() and (out[:, :, 4:] != 0).all()
    assert all(torch.isfinite(g).all() for g in grads(out, leaves)) and aux.max_scores.shape == (2, 2, 10)


def test_a_known_loop_compiles_nothing() -> None:
    leaves = qkv()

    def step() -> None:
        mask = create_block_mask(causal, None, None, 10, 12, device="cpu", BLOCK_SIZE=4)
        flex_attention(*leaves, block_mask=mask).sum().backward()
        float(leaves[0].grad.sum())
    for _ in range(3):
        step()
    with counting() as count:
        step()
    assert count.compiled == 0


def test_block_masks() -> None:
    mask = create_block_mask(causal, None, None, 40, 48, device="cpu", BLOCK_SIZE=16)
    assert mask.kv_num_blocks.tolist() == [[[1, 1, 3]]] and mask.full_kv_num_blocks.tolist() == [[[0, 1, 0]]]
    assert mask.kv_indices.tolist() == [[[[0, 1, 2], [1, 0, 2], [0, 1, 2]]]] and mask.q_num_blocks.tolist() == [[[2, 2, 1]]]
    assert str(mask) == "BlockMask(shape=(1, 1, 40, 48), sparsity=20.00%, \n(0, 0)\n██    \n████  \n██████\n)"
    assert mask._adjust(20, 40).to_dense().tolist() == [[[[1, 0, 0], [1, 1, 0]]]]
    assert mask[:, 0, torch.tensor([1])].to_dense().tolist() == [[[[1, 1, 0]]]]
    with pytest.raises(RuntimeError, match="Cannot use mask_mod from a sliced BlockMask"):
        flex_attention(torch.ones(1, 1, 40, 4), torch.ones(1, 1, 48, 4), torch.ones(1, 1, 48, 4), block_mask=mask[0])


def test_refusals() -> None:
    q, k, v = [x.detach() for x in qkv()]
    mask = create_block_mask(causal, None, None, 12, 12, device="cpu")
    for error, text, call in [
            (ValueError, "was created for a larger length", lambda: flex_attention(q, k, v, block_mask=mask)),
            (ValueError, "Try setting enable_gqa=True", lambda: flex_attention(q, k[:, :1], v[:, :1])),
            (NotImplementedError, "must be 4D", lambda: flex_attention(q[0], k[0], v[0])),
            (ValueError, "non-none block_mask", lambda: flex_attention(q, k[:1], v[:1])),
            (AssertionError, "Expected 4 or 5 positional args, got 1", lambda: create_mask(lambda b: b, 1, 1, 2, 2)),
            (AssertionError, "requires a mask_mod", lambda: create_block_mask(lambda s, b, h, q, k: s, 1, 1, 2, 2))]:
        with pytest.raises(error, match=text):
            call()
