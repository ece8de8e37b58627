"""MultiheadAttention, the transformer and the choice of a kernel, against recorded answers of torch."""
from __future__ import annotations

import subprocess
import sys

import pytest
from nn_more_golden import cases, recorder, same_module

import torchish as torch
import torchish.nn.functional as F
from torchish import nn
from torchish.nn.attention import flex_attention as flex


@pytest.mark.parametrize(("text", "expected"), cases("attention"))
def test_module(text: str, expected: dict) -> None:
    same_module(text, expected)


@pytest.mark.parametrize(("text", "expected"), cases("errors", "nn.Multihead", "nn.Transformer"))
def test_error(text: str, expected: list) -> None:
    assert recorder.error(torch, text) == tuple(expected)


def test_an_encoder_says_why_it_keeps_padding() -> None:
    with pytest.warns(UserWarning, match="batch_first was not True"):
        encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 1)
    assert not encoder.use_nested_tensor
    assert nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 1).use_nested_tensor


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4)])
@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_without_samples_or_places(shape: tuple, need_weights: bool) -> None:
    attention = nn.MultiheadAttention(4, 2, batch_first=True)
    x = torch.ones(shape, requires_grad=True)
    out, weights = attention(x, x, x, need_weights=need_weights)
    out.sum().backward()
    assert out.shape == shape == x.grad.shape and (weights is None or weights.shape == (shape[0], shape[1], shape[1]))
    assert not attention.in_proj_weight.grad.any()


def test_padding_is_zero_in_evaluation_while_the_fast_path_is_on() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 1).eval()
    padding = torch.tensor([[False, True]])

    def last() -> list:
        with torch.no_grad():
            return encoder(torch.ones(1, 2, 4), src_key_padding_mask=padding)[0, 1].tolist()

    assert last() == [0] * 4
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        assert last() != [0] * 4
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_kernels_that_are_allowed() -> None:
    attention, backend, cuda = nn.attention, nn.attention.SDPBackend, torch.backends.cuda
    x = torch.ones(1, 1, 2, 4)

    def flags() -> list[bool]:
        return [cuda.flash_sdp_enabled(), cuda.mem_efficient_sdp_enabled(), cuda.math_sdp_enabled(), cuda.cudnn_sdp_enabled()]

    with attention.sdpa_kernel([backend.MATH, backend.FLASH_ATTENTION]):
        assert flags() == [True, False, True, False]
        assert nn.functional.scaled_dot_product_attention(x, x, x).shape == (1, 1, 2, 4)
    assert flags() == [True] * 4
    for kernels, y, message in (([backend.EFFICIENT_ATTENTION], x, "No viable backend"), (backend.ERROR, x, "No viable backend"),
                                ([backend.FLASH_ATTENTION], x[0], "No available kernel")):
        with attention.sdpa_kernel(kernels), pytest.raises(RuntimeError, match=message):
            nn.functional.scaled_dot_product_attention(y, y, y)
    with pytest.raises(AssertionError, match="Backend must be an instance of SDPBackend"), attention.sdpa_kernel("MATH"):
        x.add(1)


def test_a_mask_besides_is_causal_is_for_the_fused_kernel() -> None:
    attend = nn.functional.scaled_dot_product_attention
    x, mask = torch.arange(8.0).view(1, 1, 4, 2), torch.tensor([True, False, True, True]).expand(4, 4)
    both = attend(x, x, x, mask, 0.0, True)
    assert torch.allclose(both, attend(x, x, x, mask & torch.ones(4, 4, dtype=torch.bool).tril()))
    with nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH), pytest.raises(RuntimeError, match="Explicit attn_mask should not"):
        attend(x, x, x, mask, 0.0, True)
    assert attend(x, x[:, :, :0], x[:, :, :0]).tolist() == [[[[0.0, 0.0]] * 4]]


@pytest.mark.parametrize(("shapes", "options", "error", "message"), [
    (((2, 5, 6), (2, 3, 6)), {"attn_mask": (7, 7)}, RuntimeError, "The size of tensor a (3) must match the size of tensor b (7)"),
    (((2, 5, 6), (2, 3, 6), (2, 4, 6)), {}, RuntimeError,
     "Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: [2, 4]"),
    (((2, 5, 6), (2, 3, 6)), {"dropout_p": 1.5}, RuntimeError, "dropout probability has to be between 0 and 1, but got 1.5"),
    (((4, 6), (3, 6)), {"enable_gqa": True}, IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got -3)"),
    (((2, 4, 5, 6), (2, 4, 3, 7)), {}, RuntimeError,
     "Expected size for first two dimensions of batch2 tensor to be: [8, 6] but got: [8, 7].")])
def test_attention_refuses(shapes: tuple, options: dict, error: type, message: str) -> None:
    query, key, *value = (torch.ones(shape) for shape in shapes)
    options = {k: torch.zeros(v) if k == "attn_mask" else v for k, v in options.items()}
    with pytest.raises(error) as raised:
        nn.functional.scaled_dot_product_attention(query, key, *value or [key], **options)
    assert str(raised.value).startswith(message)


def test_causal_biases() -> None:
    """In a process of its own: the class of biases is one that takes calls over."""
    code = """
import torchish as torch
from torchish.nn.attention.bias import CausalBias, CausalVariant, causal_lower_right, causal_upper_left
q, k = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 5, 4)
attend = torch.nn.functional.scaled_dot_product_attention
for bias, offset in ((causal_upper_left(3, 5), 0), (causal_lower_right(3, 5), 2)):
    mask = torch.ones(3, 5, dtype=torch.bool).tril(offset)
    assert bias._materialize().equal(mask) and repr(bias) == repr(mask)
    assert torch.allclose(attend(q, k, k, attn_mask=bias), attend(q, k, k, attn_mask=mask))
for call in (lambda: attend(q, k, k, causal_upper_left(3, 5), is_causal=True), lambda: causal_upper_left(3),
             lambda: CausalBias(3, 4, 5)):
    try:
        call()
    except (AssertionError, ValueError) as e:
        print(type(e).__name__, e)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.splitlines() == [
        "ValueError CausalBias should not be used with causal=True", "AssertionError causal_upper_left only supports 2D tensors",
        "AssertionError variant must be a CausalVariant, got int"], run.stderr


def causal(b, h, q, kv):
    return q >= kv


def test_flex_attention_is_attention_with_scores_changed_and_hidden():
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, heads, 5, 8, requires_grad=True) for heads in (4, 2, 2))
    slope = torch.tensor([0.5, 0.25, 0.125, 0.0625], requires_grad=True)
    mask = flex.create_block_mask(causal, None, None, 5, 5, device="cpu")
    out, lse = flex.flex_attention(q, k, v, lambda s, b, h, i, j: s + slope[h] * (j - i), mask, enable_gqa=True, return_lse=True)
    places = torch.arange(5)
    bias = slope[:, None, None] * (places - places[:, None])
    whole = bias.masked_fill(places > places[:, None], -torch.inf)
    want = F.scaled_dot_product_attention(q, k, v, whole, enable_gqa=True)
    torch.testing.assert_close(out, want)
    torch.testing.assert_close(lse, (q @ k.repeat_interleave(2, 1).mT * 8 ** -0.5 + whole).logsumexp(-1))
    grads = [torch.autograd.grad(x.sin().sum(), (q, slope)) for x in (out, want)]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)
    strict = flex.create_block_mask(flex.and_masks(causal, lambda b, h, i, j: i != j), 2, 4, 5, 5)
    hidden, aux = flex.flex_attention(q, k, v, block_mask=strict, enable_gqa=True, return_aux=flex.AuxRequest(lse=True))
    assert not hidden[:, :, 0].any() and aux.lse[0, 0, 0] == -torch.inf and aux.max_scores is None
    with pytest.raises(ValueError, match="^Expect query and key/value to have the same number of heads but got Hq=4 and Hkv=2"):
        flex.flex_attention(q, k, v)
    with pytest.raises(ValueError, match=r"^block_mask was created for block_mask.shape=\(1, 1, 5, 5\) but got q_len=4"):
        flex.flex_attention(q[:, :, :4], k, v, block_mask=mask, enable_gqa=True)


def test_block_masks_tell_their_blocks():
    mask = flex.create_block_mask(causal, 1, 2, 384, 512, device="cpu")     # what PyTorch prints
    assert str(mask) == ("BlockMask(shape=(1, 2, 384, 512), sparsity=50.00%, \n(0, 0)\n██      \n████    \n██████  \n\n(0, 1)\n"
                         "██      \n████    \n██████\n)")
    assert mask.to_string((2, 2), limit=1).startswith("(0, 0)\n░░  \n██░░\n\n...\n")
    assert repr(mask).endswith("    shape=(1, 2, 384, 512),\n    sparsity=50.00%,\n    mask_mod=causal\n)")
    assert mask._adjust(130, 600).to_dense().tolist() == [[[[1, 0, 0, 0], [1, 1, 0, 0]]] * 2]
    assert [t.tolist() for t in (mask.kv_num_blocks[0, 0], mask.full_kv_num_blocks[0, 0], mask.q_num_blocks[0, 0])] == \
        [[1, 1, 1], [0, 1, 2], [1, 1, 1, 0]]
    assert mask[0].shape == mask.shape and mask[:, 1:].shape == (1, 1, 384, 512) and mask[0].to_dense().equal(mask.to_dense())
    with pytest.raises(RuntimeError, match="^Cannot use mask_mod from a sliced BlockMask"):
        flex.flex_attention(*[torch.ones(1, 2, 384, 4)] * 1, *[torch.ones(1, 2, 512, 4)] * 2, block_mask=mask[0])
    either = flex.or_masks(causal, lambda b, h, i, j: j == 2)
    assert flex.create_mask(either, None, None, 2, 3).tolist() == [[[[True, False, True], [True, True, True]]]]
    assert flex.create_mask(lambda s, b, h, i, j: torch.where(i >= j, s, -torch.inf), 1, 1, 2, 2)[0, 0].tolist() == \
        [[True, False], [True, True]]
    with pytest.raises(RuntimeError, match="^All inputs should be callable mask_mods: "):
        flex.and_masks(causal, None)


def test_keys_that_are_given_fit_and_take_no_bias() -> None:
    m, q, given = nn.MultiheadAttention(8, 2, add_bias_kv=True), torch.ones(4, 2, 8), torch.ones(4, 4, 4)

    def attended(bias: bool, **options):
        return nn.functional.multi_head_attention_forward(
            q, q, q, 8, 2, m.in_proj_weight, m.in_proj_bias, m.bias_k if bias else None, m.bias_v if bias else None, False, 0.0,
            m.out_proj.weight, m.out_proj.bias, **options)[0]

    assert attended(False, static_k=given, static_v=given).shape == (4, 2, 8)
    for bias, options, message in ((True, {"static_k": given}, "bias cannot be added to static key."),
                                   (True, {"static_v": given}, "bias cannot be added to static value."),
                                   (False, {"static_k": given[:3]}, "expecting static_k.size(0) of 4, but got 3"),
                                   (False, {"static_v": given[..., :3]}, "expecting static_v.size(2) of 4, but got 3")):
        with pytest.raises(AssertionError) as refused:
            attended(bias, **options)
        assert str(refused.value) == message
