"""MultiheadAttention, the transformer and the choice of a kernel, against recorded answers of torch."""
from __future__ import annotations

import pytest
from nn_more_golden import cases, recorder, same_module

import torchish as torch
from torchish import nn


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


def test_kernels_are_accepted() -> None:
    backend = nn.attention.SDPBackend
    x = torch.ones(1, 1, 2, 4)
    with nn.attention.sdpa_kernel([backend.MATH, backend.FLASH_ATTENTION]):
        assert nn.functional.scaled_dot_product_attention(x, x, x).shape == (1, 1, 2, 4)
    with pytest.raises(AssertionError, match="Backend must be an instance of SDPBackend"), nn.attention.sdpa_kernel("MATH"):
        x.add(1)
