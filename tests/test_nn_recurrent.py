"""RNN, LSTM, GRU, their cells and packed sequences, against recorded answers of torch."""
from __future__ import annotations

import pytest
from nn_more_golden import cases, recorder, same_module

import torchish as torch
from torchish import nn


@pytest.mark.parametrize(("text", "expected"), cases("recurrent"))
def test_layer(text: str, expected: dict) -> None:
    same_module(text, expected)


@pytest.mark.parametrize(("text", "expected"), cases("errors", "nn.LSTM", "nn.GRU", "nn.RNN", "nn.utils.rnn"))
def test_error(text: str, expected: list) -> None:
    assert recorder.error(torch, text) == tuple(expected)


@pytest.mark.parametrize(("text", "expected"), cases("sequences"))
def test_sequences(text: str, expected: list) -> None:
    assert recorder.flat(eval(text, recorder.names(torch))) == expected


def test_packed_sequence_moves() -> None:
    packed = nn.utils.rnn.pack_sequence([torch.ones(2, 1), torch.ones(1, 1)])
    assert packed.to(torch.float32) is packed and packed.double().data.dtype == torch.float64
    assert not packed.is_cuda and packed.batch_sizes.tolist() == [2, 1]


def test_weights_by_name() -> None:
    layer = nn.LSTM(3, 4, bidirectional=True)
    assert [n for n, _ in layer.named_parameters()][4:6] == ["weight_ih_l0_reverse", "weight_hh_l0_reverse"]
    assert layer.all_weights[0][0] is layer.weight_ih_l0 and layer.flatten_parameters() is None


@pytest.mark.parametrize(("options", "message"), [
    ({"bias": 0}, "bias should be of type bool, got: int"), ({"batch_first": 1}, "batch_first should be of type bool, got: int"),
    ({"input_size": 1.5}, "input_size should be of type int, got: float")])
def test_types_of_options(options: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        nn.LSTM(**{"input_size": 2, "hidden_size": 3, **options})


def test_an_empty_input_is_refused_before_its_lengths() -> None:
    with pytest.raises(RuntimeError, match="Cannot pack empty tensors"):
        nn.utils.rnn.pack_padded_sequence(torch.ones(0, 1, 10), torch.ones(11, 2), True)
    with pytest.raises(RuntimeError, match="should be a 1D CPU int64 tensor, but got 2D cpu Long tensor"):
        nn.utils.rnn.pack_padded_sequence(torch.ones(3, 1, 10), torch.ones(11, 2))
